"""The kernels of a system."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.core import machine

if TYPE_CHECKING:
    from pathlib import Path

    from imager.rootfs.root import Root

_MODULES = ("usr/lib/modules", "lib/modules")


@dataclass(frozen=True)
class Kernel:
    """One kernel: `path` is relative to the system, `machine` is None if it is not an EFI program."""

    version: str
    path: str
    machine: str | None


def find(root: Root) -> tuple[Kernel, ...]:
    """Return the kernels in /boot and beside their modules, sorted by version, each version once."""
    modules = module_versions(root)
    found: dict[str, Kernel] = {}
    for path, place in _files(root):
        head = machine.read_head(place)
        beside = path.split("/")[-2] if not path.startswith("boot/") else None
        version = beside or _version_in(place) or _version_by_name(place.name, modules)
        found.setdefault(version, Kernel(version, path, machine.of_pe(head)))
    return tuple(found[version] for version in sorted(found))


def module_versions(root: Root) -> tuple[str, ...]:
    """Return the names of the module directories, which are kernel versions."""
    return tuple(
        sorted(
            {
                name
                for directory in _MODULES
                for name in root.names(directory)
                if (place := root.resolve(f"{directory}/{name}")) is not None and place.is_dir()
            }
        )
    )


def _files(root: Root) -> list[tuple[str, Path]]:
    named = [f"boot/{name}" for name in root.names("boot") if name.startswith(("vmlinuz", "vmlinux"))]
    beside = [f"{directory}/{name}/vmlinuz" for directory in _MODULES for name in root.names(directory)]
    return [(path, place) for path in named + beside if (place := root.file(path)) is not None]


def _version_in(place: Path) -> str | None:
    """Return the version in a bzImage (Documentation/arch/x86/boot.rst, kernel_version)."""
    with place.open("rb") as file:
        head = file.read(machine.HEAD)
        if head[0x202:0x206] != b"HdrS":
            return None
        (offset,) = struct.unpack_from("<H", head, 0x20E)
        if not offset:
            return None
        file.seek(offset + 0x200)
        words = file.read(256).split(b"\0")[0].split()
    return words[0].decode(errors="backslashreplace") if words else None


def _version_by_name(name: str, modules: tuple[str, ...]) -> str:
    """Guess the version of a kernel that does not contain it: `vmlinuz-lts` belongs to modules 6.6.1-0-lts."""
    suffix = name.partition("-")[2]
    if suffix in modules:
        return suffix
    alike = [version for version in modules if not suffix or version.endswith(f"-{suffix}")]
    return alike[0] if len(alike) == 1 else suffix or name
