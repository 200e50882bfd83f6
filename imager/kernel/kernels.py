"""The kernels of a system."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.core import machine
from imager.core.errors import ImagerError
from imager.kernel.moddep import DIRECTORIES, is_directory

if TYPE_CHECKING:
    from imager.rootfs.root import Root

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.~-]{0,63}")
"""It becomes part of paths, of messages and of the program's sections. Linux has 64 letters (UTS_RELEASE)."""
LIMIT = 256 << 20
"""The most bytes that a kernel may have."""


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
    for path in _files(root):
        head = root.head(path, machine.HEAD)
        beside = path.split("/")[-2] if not path.startswith("boot/") else None
        version = beside or _version_in(root, path, head) or _version_by_name(path.rpartition("/")[2], modules)
        if not _VERSION.fullmatch(version):
            raise ImagerError(f"/{path}: {version!r} is not the version of a kernel, such as 6.12.1-amd64: rename it")
        found.setdefault(version, Kernel(version, path, machine.of_pe(head)))
    return tuple(found[version] for version in sorted(found))


def module_versions(root: Root) -> tuple[str, ...]:
    """Return the names of the module directories, which are kernel versions; others than these are ignored."""
    return tuple(
        sorted(
            {
                name
                for directory in DIRECTORIES
                for name in root.names(directory)
                if _VERSION.fullmatch(name) and is_directory(root, f"{directory}/{name}")
            }
        )
    )


def _files(root: Root) -> list[str]:
    named = [f"boot/{name}" for name in root.names("boot") if name.startswith(("vmlinuz", "vmlinux"))]
    beside = [
        f"{directory}/{name}/vmlinuz"
        for directory in DIRECTORIES
        for name in root.names(directory)
        if _VERSION.fullmatch(name)
    ]
    return [path for path in named + beside if root.file(path) is not None]


def _version_in(root: Root, path: str, head: bytes) -> str | None:
    """Return the version in a bzImage (Documentation/arch/x86/boot.rst, kernel_version)."""
    if head[0x202:0x206] != b"HdrS":
        return None
    at = int.from_bytes(head[0x20E:0x210], "little")
    if not at:
        return None
    words = root.head(path, at + 0x200 + 256)[at + 0x200 :].split(b"\0")[0].split()
    version = words[0].decode(errors="backslashreplace") if words else ""
    return version if _VERSION.fullmatch(version) else None


def _version_by_name(name: str, modules: tuple[str, ...]) -> str:
    """Guess the version of a kernel that does not contain it: `vmlinuz-lts` belongs to modules 6.6.1-0-lts."""
    suffix = name.partition("-")[2]
    if suffix in modules:
        return suffix
    match [version for version in modules if not suffix or version.endswith(f"-{suffix}")]:
        case [only]:
            return only
        case _:
            return suffix or name
