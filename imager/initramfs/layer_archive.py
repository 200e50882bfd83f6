"""The archive around the file system of a layer, in an initramfs: what goes before it, and what comes after it.

Apart from `layers`, which makes all but the first: a UKI is laid out without what that takes.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from imager.archive import cpio, squashfs
from imager.core.errors import ImagerError
from imager.rootfs import tree

if TYPE_CHECKING:
    from pathlib import Path


def head(place: Path, number: int, epoch: int) -> bytes:
    """Give what goes right before the file `place` in an initramfs, where it is the layer `number` from below."""
    size = squashfs.size(place)
    check_size(size)
    return cpio.header(_name(number, "img"), ino=1, mode=stat.S_IFREG | 0o600, mtime=epoch, size=size)


def tail(number: int, attributes: bytes, epoch: int) -> bytes:
    """Give what comes after the file system: `attributes` are the records of what it cannot hold."""
    name = _name(number, "xattrs")
    start = cpio.header(name, ino=2, mode=stat.S_IFREG | 0o600, mtime=epoch, size=len(attributes))
    return start + attributes + cpio.padding(len(attributes)) + cpio.TRAILER


def check_size(size: int) -> None:
    """Raise ImagerError when a file system of so many bytes is too big for an archive."""
    if size > cpio.FILE_LIMIT:
        raise ImagerError(
            f"a layer of the system has {size} bytes, compressed, but an image can hold one of less than 4 GiB: "
            "remove files from the system"
        )


def _name(number: int, kind: str) -> bytes:
    return tree.LAYERS + f"/{number}.{kind}".encode()
