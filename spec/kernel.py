"""The kernel and its settings: the key `kernel`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from . import hints
from .keys import NOTHING, key
from .presets import DISTRIBUTIONS, PurposeName
from .values import paths, words

_FLAVORS = "; ".join(
    f"{name.capitalize()}: {', '.join(row.flavors)}" for name, row in DISTRIBUTIONS.items() if row.flavors
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Modules:
    """The kernel modules in the system, and those to load at boot."""

    load: tuple[words.ModuleName, ...] = key(
        "Modules to load at boot, in this order.", "[br_netfilter]", default=(), unique=True
    )
    include: tuple[words.ModuleGlob, ...] = key(
        "Keep only matching modules, and those that they need. A pattern that ends with `/` is a directory.",
        "[drivers/net/, /fs/ext4]",
        default=(),
        unique=True,
    )
    exclude: tuple[words.ModuleGlob, ...] = key(
        "Remove matching modules, unless a remaining module needs them.", "[drivers/gpu/]", default=(), unique=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """A set of kernel modules for machines of a kind. Each keeps file systems, filters, ciphers and other software."""

    SHORT: ClassVar[str] = "purpose"
    CHOSEN_BY: ClassVar[str] = "purpose"
    purpose: PurposeName = key(
        "`server`: what machines without screen have, real or virtual. `virtual`: what clouds and hypervisors give to "
        "their guests. `desktop`: also graphics, sound, radio and input devices. `all`: everything.",
        "server",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineFile:
    """The drivers and firmware of a machine, from a file made on it."""

    CHOSEN_BY: ClassVar[str] = "source"
    source: paths.SourcePath = key(
        "The path, in the build context, of a file with a modalias or a name of a module in each line.", "machine.txt"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """The kernel and its settings."""

    HINTS: ClassVar[Mapping[str, str]] = hints.KERNEL
    cmdline: tuple[words.KernelWord, ...] = key(
        "Kernel arguments. Items are joined with spaces.",
        '["console=ttyS0,115200", quiet]',
        default=(),
        one_or_many=True,
        repeats=True,
    )
    flavor: words.Flavor | None = key(
        f"The kernel of a preset. {_FLAVORS}.",
        "cloud",
        default=None,
    )
    version: words.KernelVersion | None = key(
        "The kernel to boot, if the system has several.", "6.12.48+deb13-amd64", default=None
    )
    for_: tuple[Purpose | MachineFile, ...] = key(
        "The purposes, or machines, that the modules of the kernel are for; the others are removed. Default: that of "
        "the preset, or with `modules.include` only what matches.",
        "server",
        name="for",
        default=(),
        one_or_many=True,
        unique=True,
    )
    modules: Modules = key("Kernel modules.", "{load: [br_netfilter]}", default=Modules())
    firmware: tuple[words.FirmwareGlob, ...] = key(
        "Firmware to keep: only `all` or `none`; or `auto` (files that modules of the system need) and patterns for "
        "files below /usr/lib/firmware. Default: `all`; with a machine in `for`, `auto`.",
        "auto",
        default=(),
        one_or_many=True,
        unique=True,
    )
    microcode: tuple[words.Vendor, ...] = key(
        "The vendors of processors to add microcode for: intel, amd.",
        "[intel, amd]",
        default=(),
        one_or_many=True,
        unique=True,
    )
    sysctl: Mapping[words.SysctlName, words.SysctlValue] = key(
        "Kernel parameters to set at boot.", "{net.ipv4.ip_forward: 1}", default=NOTHING
    )

    @property
    def machines(self) -> tuple[MachineFile, ...]:
        """The machines in `for`."""
        return tuple(each for each in self.for_ if isinstance(each, MachineFile))

    @property
    def kept_firmware(self) -> tuple[str, ...]:
        """The value of `firmware`, or its default."""
        return self.firmware or (("auto",) if self.machines else ("all",))
