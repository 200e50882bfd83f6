"""Files of the system: the key `files`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from . import hints
from .keys import key

if TYPE_CHECKING:
    from .values import paths, words


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineFile:
    """A file with its content in the build file."""

    HINTS: ClassVar[Mapping[str, str]] = hints.FILE
    SHORT: ClassVar[str] = "content"
    CHOSEN_BY: ClassVar[str] = "content"
    content: words.Content = key("The exact text of the file.", '"Welcome!\\n"')
    mode: paths.Mode | None = key("Permission bits in octal. Default: 0644.", '"0600"', default=None)
    owner: paths.OwnerName | None = key(
        "The owner, as USER or USER:GROUP. Default: root:root.", "www-data", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedFile:
    """A file, or the content of a directory, from a build context, an image or a git repository."""

    HINTS: ClassVar[Mapping[str, str]] = hints.FILE
    CHOSEN_BY: ClassVar[str] = "source"
    source: paths.SourcePath = key(
        "The path in the build context, or in `context`, `image` or `git`. A directory is copied with its content.",
        "files/motd",
    )
    context: words.ContextName | None = key("The named build context of `source`.", "web", default=None)
    image: words.ImageName | None = key("The OCI image of `source`.", "example/tool:1.2", default=None)
    git: paths.GitAddress | None = key(
        "The git repository of `source`, with `#` and a branch, tag or commit. "
        "A private one needs the secret GIT_AUTH_TOKEN, or `--ssh default`.",
        "https://git.example/site.git#v1.2",
        default=None,
    )
    mode: paths.Mode | None = key("Permission bits in octal. Default: those of the source.", '"0755"', default=None)
    owner: paths.OwnerName | None = key(
        "The owner, as USER or USER:GROUP. Default: root:root.", "www-data", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """A file to download."""

    HINTS: ClassVar[Mapping[str, str]] = hints.FILE
    CHOSEN_BY: ClassVar[str] = "url"
    url: words.Url = key("The URL to download.", "https://files.example/tool-1.2.tar.gz")
    checksum: words.Checksum | None = key(
        "The SHA-256 of the download. With it, the build verifies the content, and asks the server only once.",
        f"sha256:{'0' * 64}",
        default=None,
    )
    unpack: bool = key(
        "Whether to unpack it, a plain or compressed tar archive, into a directory at this path.", "true", default=False
    )
    mode: paths.Mode | None = key("Permission bits in octal. Default: 0644.", '"0755"', default=None)
    owner: paths.OwnerName | None = key(
        "The owner, as USER or USER:GROUP. Default: root:root, or the owners in the archive.", "www-data", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Symlink:
    """A symbolic link."""

    HINTS: ClassVar[Mapping[str, str]] = hints.FILE
    CHOSEN_BY: ClassVar[str] = "symlink"
    target: paths.LinkTarget = key("The target of the link.", "/usr/share/zoneinfo/UTC", name="symlink")


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A directory, empty unless other entries fill it."""

    HINTS: ClassVar[Mapping[str, str]] = hints.FILE
    CHOSEN_BY: ClassVar[str] = "directory"
    mode: paths.Mode | None = key("Permission bits in octal. Default: 0755.", '"0750"', default=None)
    owner: paths.OwnerName | None = key(
        "The owner, as USER or USER:GROUP. Default: root:root.", "www-data", default=None
    )


FileEntry = InlineFile | CopiedFile | FetchedFile | Symlink | Directory
