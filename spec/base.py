"""The system to start from: the key `base`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from . import hints
from .keys import NOTHING, key
from .values import paths, words


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetBase:
    """A system that Claylinux assembles, with kernel and init."""

    HINTS: ClassVar[Mapping[str, str]] = hints.BASE
    SHORT: ClassVar[str] = "preset"
    CHOSEN_BY: ClassVar[str] = "preset"
    preset: words.Preset = key("The name of a preset.", "debian")
    release: words.Release | None = key(
        "The release of the distribution, as in the tag of its image; a digest pins the image. Default: the newest "
        "tested release.",
        "bookworm",
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageBase:
    """An OCI image. It has a kernel and an init, or `packages` adds them."""

    HINTS: ClassVar[Mapping[str, str]] = hints.BASE
    CHOSEN_BY: ClassVar[str] = "image"
    image: words.ImageName = key("The image to start from.", "debian:13")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextBase:
    """A named build context: a directory, an image or another build."""

    HINTS: ClassVar[Mapping[str, str]] = hints.BASE
    CHOSEN_BY: ClassVar[str] = "context"
    context: words.ContextName = key("The NAME of a `--build-context NAME=...`.", "rootfs")


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerfileBase:
    """The result of a Dockerfile. The engine's own Dockerfile frontend builds it, and ignores `# syntax=` in it."""

    HINTS: ClassVar[Mapping[str, str]] = hints.BASE
    CHOSEN_BY: ClassVar[str] = "dockerfile"
    dockerfile: paths.SourcePath = key("The path of the Dockerfile in the build context.", "Dockerfile")
    target: words.StageName | None = key("The stage to use. Default: the last one.", "rootfs", default=None)
    args: Mapping[words.Variable, words.Content] = key(
        "Build arguments of the Dockerfile. `--build-arg NAME=...` overrides them.", "{DEBIAN: trixie}", default=NOTHING
    )


Base = PresetBase | ImageBase | ContextBase | DockerfileBase
