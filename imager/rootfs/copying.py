"""Copying a directory inside a system, such as /etc/skel to a home."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from imager.core import output
from imager.rootfs.writing import make_directory, make_link, new_file

if TYPE_CHECKING:
    from imager.rootfs.root import Root
    from imager.rootfs.writing import Owner


def copy_tree(root: Root, source: str, target: str, owner: Owner, epoch: int) -> None:
    """Copy directories, regular files and links; pipes, sockets and devices are left out. Modes stay."""
    for path, status in root.walk(source):
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISDIR(status.st_mode):
            make_directory(root, f"{target}/{path}", mode=mode, owner=owner, epoch=epoch)
        elif stat.S_ISLNK(status.st_mode):
            make_link(root, f"{target}/{path}", root.target(f"{source}/{path}") or "", owner=owner, epoch=epoch)
        elif stat.S_ISREG(status.st_mode):
            with (
                root.opening(f"{source}/{path}") as old,
                new_file(root, f"{target}/{path}", mode=mode, owner=owner, epoch=epoch) as new,
            ):
                assert old is not None
                size = os.fstat(old).st_size
                output.copy_at(old, new, 0, size)
                output.truncate(new, size)
