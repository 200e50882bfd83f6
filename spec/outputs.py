"""What is built, and how the system is kept in it: the keys `outputs`, `rootfs` and `limits`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from . import hints
from .compression import LEVELS, NONE
from .formats import FORMATS, formats_with
from .keys import key
from .values import sizes, words
from .values.wording import listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file to build."""

    HINTS: ClassVar[Mapping[str, str]] = hints.OUTPUT
    SHORT: ClassVar[str] = "format"
    format: words.Format = key("; ".join(f"`{each.name}`: {each.summary}" for each in FORMATS.values()) + ".", "iso")
    name: words.FileName = key("The file name without its ending. Default: the `name` of the file.", "edge", default="")
    label: words.VolumeLabel | None = key(
        "The name of the file system on the medium. Default: CLAYLINUX.", "EDGE", default=None
    )
    compress: bool = key(
        f"Whether the clusters of the disk ({', '.join(formats_with('compress'))}) are compressed too; of use where "
        "`rootfs` is not.",
        "true",
        default=False,
    )
    subformat: words.VmdkSubformat | None = key(
        "The kind of a vmdk disk: `streamOptimized`, for import into vSphere, ESXi and AWS; `monolithicSparse`, to "
        "attach as it is in Workstation, Fusion and VirtualBox. Default: streamOptimized.",
        "monolithicSparse",
        default=None,
    )

    @property
    def filename(self) -> str:
        """The name of the file in the result."""
        return f"{self.name}.{FORMATS[self.format].extension}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rootfs:
    """How the system is packed, and how the booted machine holds it."""

    mode: words.RootfsMode = key(
        "`overlay`: compressed, read when it is needed, with a tmpfs above it for what changes; `tmpfs`: unpacked at "
        "boot; `auto`: overlay where the kernel can do it. See docs/guide/memory.md.",
        "tmpfs",
        default="auto",
    )
    compression: words.Compression | None = key(
        f"{listing((NONE, *LEVELS))}, with a level as in `zstd:19`. Default: zstd at a fast level.",
        "zstd:19",
        default=None,
    )
    flatten: bool = key(
        "Pack the whole system as one, not in the parts that the next build can use again: nothing that a later step "
        "removed is in the image then.",
        "true",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes that the result must not exceed: the build fails when one does."""

    uki: sizes.Size | None = key("The size of the UKI.", "256M", default=None)
    ram: sizes.Size | None = key("The memory that the system needs to boot.", "512M", default=None)
