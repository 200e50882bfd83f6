"""The kernel and what it is told: the key `kernel`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from . import hints
from .keys import NOTHING, key
from .presets import DISTRIBUTIONS
from .values import words

_FLAVORS = "; ".join(
    f"{name.capitalize()}: {', '.join(row.flavors)}" for name, row in DISTRIBUTIONS.items() if row.flavors
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Modules:
    """Which kernel modules are in the system, and which are loaded at boot."""

    load: tuple[words.ModuleName, ...] = key(
        "Modules to load at boot, in this order.", "[br_netfilter]", default=(), unique=True
    )
    include: tuple[words.ModuleGlob, ...] = key(
        "Keep only the modules that match, and those that they need. A text that ends with `/` is a folder.",
        "[drivers/net/, /fs/ext4]",
        default=(),
        unique=True,
    )
    exclude: tuple[words.ModuleGlob, ...] = key(
        "Remove the modules that match, unless one that stays needs them.", "[drivers/gpu/]", default=(), unique=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """The kernel and what it is told."""

    HINTS: ClassVar[Mapping[str, str]] = hints.KERNEL
    cmdline: tuple[words.KernelWord, ...] = key(
        "Arguments for the kernel, joined with spaces.",
        '["console=ttyS0,115200", quiet]',
        default=(),
        one_or_many=True,
        repeats=True,
    )
    flavor: words.Flavor | None = key(
        f"Which of the kernels of the preset's distribution. {_FLAVORS}.",
        "cloud",
        default=None,
    )
    version: words.KernelVersion | None = key(
        "Which kernel to boot, where the system has several.", "6.12.48+deb13-amd64", default=None
    )
    modules: Modules = key("Kernel modules.", "{load: [br_netfilter]}", default=Modules())
    firmware: tuple[words.FirmwareGlob, ...] = key(
        "Firmware to keep: `all` or `none`, alone; or `auto` (what the modules of the system ask for) and file names "
        "below /usr/lib/firmware, with `*`.",
        "auto",
        default=("all",),
        one_or_many=True,
        unique=True,
    )
    microcode: tuple[words.Vendor, ...] = key(
        "Processors to bring microcode for: intel, amd.", "[intel, amd]", default=(), one_or_many=True, unique=True
    )
    sysctl: Mapping[words.SysctlName, words.SysctlValue] = key(
        "Kernel parameters to set at boot.", "{net.ipv4.ip_forward: 1}", default=NOTHING
    )
