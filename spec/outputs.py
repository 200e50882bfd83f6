"""The files to build: the keys `outputs`, `rootfs` and `limits`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from . import hints
from .compression import LEVELS, NONE
from .formats import OUTPUTS, formats_with
from .keys import key
from .values import sizes, words
from .values.wording import listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file to build."""

    HINTS: ClassVar[Mapping[str, str]] = hints.OUTPUT
    SHORT: ClassVar[str] = "format"
    format: words.Format = key("; ".join(f"`{each.name}`: {each.summary}" for each in OUTPUTS.values()) + ".", "iso")
    name: words.FileName = key(
        "The file name without its extension. Default: the `name` of the system.", "edge", default=""
    )
    label: words.VolumeLabel | None = key(
        "The label of the file system on the medium. Default: CLAYLINUX.", "EDGE", default=None
    )
    compress: bool = key(
        f"Whether to compress the clusters of the disk ({', '.join(formats_with('compress'))}). This helps only if "
        "`rootfs` is not compressed.",
        "true",
        default=False,
    )
    subformat: words.VmdkSubformat | None = key(
        "The kind of vmdk disk: `streamOptimized` to import into vSphere, ESXi and AWS; `monolithicSparse` to attach "
        "directly in Workstation, Fusion and VirtualBox. Default: streamOptimized.",
        "monolithicSparse",
        default=None,
    )

    @property
    def filename(self) -> str:
        """The name of the file in the result."""
        return f"{self.name}.{OUTPUTS[self.format].extension}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rootfs:
    """How the system is packed, and how the running machine stores it."""

    HINTS: ClassVar[Mapping[str, str]] = hints.ROOTFS
    mode: words.RootfsMode = key(
        "`overlay`: stays compressed in memory, with a tmpfs on top for changes; `tmpfs`: unpacked at boot; `auto`: "
        "overlay if the kernel supports it. See docs/guide/memory.md.",
        "tmpfs",
        default="auto",
    )
    source: words.RootfsSource = key(
        "`uki`: the system is in the UKI, and in memory from the start; `disk`: it stays in a partition beside a small "
        "UKI, and what is read there is verified. For systems of about 1 GiB and more. See docs/guide/memory.md.",
        "disk",
        default="uki",
    )
    copy: bool = key(
        "With `source: disk`, whether the system is copied from there to memory when it starts, and verified. Then the "
        "medium can be taken out.",
        "true",
        default=False,
    )
    compression: words.Compression | None = key(
        f"{listing((NONE, *LEVELS))}, optionally with a level as in `zstd:19`. Default: zstd at a fast level.",
        "zstd:19",
        default=None,
    )
    flatten: bool = key(
        "Whether to pack the whole system as one part. The next build can reuse nothing of it, but the image contains "
        "no files that a later step removed.",
        "true",
        default=False,
    )
    exclude: tuple[words.TreeGlob, ...] = key(
        "Files and directories that are not in the image: names, or paths that start with `/`. `*` stands for a part "
        "of a name, `**` for any directories; `NAME/` is a directory. See docs/guide/size.md.",
        '[/usr/share/icons/, "*.pyc"]',
        default=(),
        one_or_many=True,
        unique=True,
    )

    @property
    def on_disk(self) -> bool:
        """Whether the system stays on the disk."""
        return self.source == "disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Size limits. The build fails if one is exceeded."""

    uki: sizes.Size | None = key("The maximum size of the UKI.", "256M", default=None)
    ram: sizes.Size | None = key("The maximum memory that the system needs to boot.", "512M", default=None)
