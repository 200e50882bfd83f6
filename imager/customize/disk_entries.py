"""Entries of a system that was made for a disk: they must not stop the boot of a system in memory.

Its root, /boot and ESP cannot be mounted: their lines become comments. A swap space, or an encrypted disk, may well be
there: nobody waits for it, and nothing fails without it. Other disks stay as they are, as they may hold the
data that the system is for; the report warns about them.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imager.rootfs import fstab
from imager.rootfs.root import Root
from imager.rootfs.text import lines, read, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from imager.requests.mounts import DiskEntries


def run(request: DiskEntries) -> None:
    """Change the tables that have such entries."""
    root = Root(Path(request.system))
    for path, change in ((fstab.PATH, _file_system), (fstab.CRYPTTAB, _encrypted)):
        _edit(root, path, change, request.epoch)


def _edit(root: Root, path: str, change: Callable[[str], str], epoch: int) -> None:
    old, status = lines(read(root, path)), root.status(path)
    new = [change(line) for line in old]
    if status is not None and new != old:
        write(root, path, "".join(f"{line}\n" for line in new), epoch, stat.S_IMODE(status.st_mode))


def _file_system(text: str) -> str:
    line = fstab.parse(text)
    if line is None:
        return text
    if line.is_of_the_boot:
        return f"# Claylinux: the system is in memory: {text}"
    if line.kind == "swap" and line.is_waited_for:
        return _without_waiting(text)
    return text


def _encrypted(text: str) -> str:
    words = text.split()
    if len(words) < 2 or words[0].startswith("#"):
        return text
    options = words[3].split(",") if len(words) > 3 else []
    if {"noauto", fstab.NOFAIL} & {*options}:
        return text
    return _without_waiting(text)


def _without_waiting(text: str) -> str:
    """Return a line with the option that nobody waits: the fourth word of both tables has the options."""
    words = text.split()
    words += ["none"] * (3 - len(words))
    words[3:4] = [",".join((*words[3:4], *fstab.NOT_WAITED_FOR))]
    return "\t".join(words)
