"""What is beside the program of a system that updates itself: a boot manager that counts tries, and the index.

The EFI system partition is never written again: its program is what the machine was installed with, and always comes
back. New versions have a partition of their own.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from imager.disk import esp
from imager.disk.fat_tree import ReadOnly

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.uki.layout import UkiLayout, Update

LABEL = "UPDATES"
"""The name of the partition of new versions, and of its file system."""
_SETTINGS = b"""\
timeout 0
editor no
auto-entries no
"""
_SEED = "loader/random-seed"
"""systemd-boot makes this file and writes it at every boot, where firmware has random numbers. It takes one that it may
not write for none, without a word."""


def path(update: Update) -> str:
    """Return the path of the program: where the boot manager looks for systems."""
    return f"EFI/Linux/{update.name}.efi"


def beside(uki: UkiLayout, update: Update) -> dict[str, bytes]:
    """Return the files beside it, by their paths."""
    return {
        esp.program_path(uki.architecture): update.loader,
        "loader/loader.conf": _SETTINGS,
        _SEED: ReadOnly(),
        f"claylinux/{update.name}.pieces": update.index,
        f"claylinux/{update.name}.pieces.sig": update.signature,
    }


def identified(uki: UkiLayout, files: Mapping[str, bytes]) -> UkiLayout:
    """Return the layout with a digest that stands for these files as well."""
    marks = "".join(f" {place} {hashlib.sha256(data).hexdigest()}" for place, data in files.items())
    return replace(uki, digest=hashlib.sha256(f"{uki.digest}{marks}".encode()).hexdigest())
