"""Which programs a system has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imager.rootfs.root import Root

_DIRECTORIES = ("usr/sbin", "sbin", "usr/bin", "bin")
"""Where packages put programs, with and without a merged /usr."""


def has_program(root: Root, *names: str) -> bool:
    """Return whether the system has at least one of these programs."""
    return any(root.file(f"{directory}/{name}") for name in names for directory in _DIRECTORIES)
