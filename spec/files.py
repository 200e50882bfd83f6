"""What is put into the system: the key `files`."""

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
    """A file whose content is in the build file."""

    HINTS: ClassVar[Mapping[str, str]] = hints.FILE
    SHORT: ClassVar[str] = "content"
    CHOSEN_BY: ClassVar[str] = "content"
    content: words.Content = key("The text of the file, exactly.", '"Welcome!\\n"')
    mode: paths.Mode | None = key("Permission bits in octal. Default: 0644.", '"0600"', default=None)
    owner: paths.OwnerName | None = key("USER or USER:GROUP. Default: root:root.", "www-data", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedFile:
    """A file, or the content of a folder, from a build context, an image or a git repository."""

    HINTS: ClassVar[Mapping[str, str]] = hints.FILE
    CHOSEN_BY: ClassVar[str] = "source"
    source: paths.SourcePath = key(
        "The path in the build context, or in what the next keys name. A folder is copied with all in it.", "files/motd"
    )
    context: words.ContextName | None = key("The named build context that `source` is in.", "web", default=None)
    image: words.ImageName | None = key("The OCI image that `source` is in.", "example/tool:1.2", default=None)
    git: paths.GitAddress | None = key(
        "The git repository that `source` is in, with `#` and a branch, tag or commit. "
        "The secret GIT_AUTH_TOKEN, or `--ssh default`, opens a private one.",
        "https://git.example/site.git#v1.2",
        default=None,
    )
    mode: paths.Mode | None = key("Permission bits in octal. Default: those of the source.", '"0755"', default=None)
    owner: paths.OwnerName | None = key("USER or USER:GROUP. Default: root:root.", "www-data", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedFile:
    """A file to download."""

    HINTS: ClassVar[Mapping[str, str]] = hints.FILE
    CHOSEN_BY: ClassVar[str] = "url"
    url: words.Url = key("Where to download it.", "https://files.example/tool-1.2.tar.gz")
    checksum: words.Checksum | None = key(
        "The SHA-256 of what is downloaded. With it the build is sure of the content, and asks the server only once.",
        f"sha256:{'0' * 64}",
        default=None,
    )
    unpack: bool = key(
        "Unpack a tar archive, plain or compressed, into the folder of this name.", "true", default=False
    )
    mode: paths.Mode | None = key("Permission bits in octal. Default: 0644.", '"0755"', default=None)
    owner: paths.OwnerName | None = key(
        "USER or USER:GROUP. Default: root:root, or as the archive says.", "www-data", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Symlink:
    """A symbolic link."""

    HINTS: ClassVar[Mapping[str, str]] = hints.FILE
    CHOSEN_BY: ClassVar[str] = "symlink"
    target: paths.LinkTarget = key("Where the link points.", "/usr/share/zoneinfo/UTC", name="symlink")


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A folder, empty unless other entries fill it."""

    HINTS: ClassVar[Mapping[str, str]] = hints.FILE
    CHOSEN_BY: ClassVar[str] = "directory"
    mode: paths.Mode | None = key("Permission bits in octal. Default: 0755.", '"0750"', default=None)
    owner: paths.OwnerName | None = key("USER or USER:GROUP. Default: root:root.", "www-data", default=None)


FileEntry = InlineFile | CopiedFile | FetchedFile | Symlink | Directory
