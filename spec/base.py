"""Where a system starts: the key `base`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from . import hints
from .keys import NOTHING, key
from .values import paths, words


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetBase:
    """A system that Claylinux assembles itself, with kernel and init."""

    HINTS: ClassVar[Mapping[str, str]] = hints.BASE
    SHORT: ClassVar[str] = "preset"
    CHOSEN_BY: ClassVar[str] = "preset"
    preset: words.Preset = key("The name of a preset.", "debian")
    release: words.Release | None = key(
        "The release of the distribution, as in the tag of its image; a digest pins the image. Default: the newest "
        "that was tested.",
        "bookworm",
        default=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageBase:
    """An OCI image. It brings, or `packages` adds, a kernel and an init."""

    HINTS: ClassVar[Mapping[str, str]] = hints.BASE
    CHOSEN_BY: ClassVar[str] = "image"
    image: words.ImageName = key("The image to start from.", "debian:13")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextBase:
    """A named build context: a folder, an image or another build."""

    HINTS: ClassVar[Mapping[str, str]] = hints.BASE
    CHOSEN_BY: ClassVar[str] = "context"
    context: words.ContextName = key("The NAME of a `--build-context NAME=...`.", "rootfs")


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerfileBase:
    """What a Dockerfile builds. The engine's own Dockerfile frontend builds it: `# syntax=` in it has no effect."""

    HINTS: ClassVar[Mapping[str, str]] = hints.BASE
    CHOSEN_BY: ClassVar[str] = "dockerfile"
    dockerfile: paths.SourcePath = key("The path of the Dockerfile in the build context.", "Dockerfile")
    target: words.StageName | None = key("The stage to take. Default: the last.", "rootfs", default=None)
    args: Mapping[words.Variable, words.Content] = key(
        "Its build arguments. `--build-arg NAME=...` wins.", "{DEBIAN: trixie}", default=NOTHING
    )


Base = PresetBase | ImageBase | ContextBase | DockerfileBase
