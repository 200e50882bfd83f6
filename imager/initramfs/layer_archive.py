"""The cpio archive around the file system of a layer: the bytes before and after it in an initramfs.

Separate from `layers`, because laying out a UKI needs only this part and not the imports of the other.
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
    """Return the bytes right before the file `place` in an initramfs, as the layer `number`, counted from below."""
    size = squashfs.size(place)
    check_size(size)
    return cpio.header(_name(number, "img"), ino=1, mode=stat.S_IFREG | 0o600, mtime=epoch, size=size)


def tail(number: int, attributes: bytes, epoch: int) -> bytes:
    """Return the bytes after the file system: `attributes` are the records of those that it cannot hold."""
    name = _name(number, "xattrs")
    start = cpio.header(name, ino=2, mode=stat.S_IFREG | 0o600, mtime=epoch, size=len(attributes))
    return start + attributes + cpio.padding(len(attributes)) + cpio.TRAILER


def check_size(size: int) -> None:
    """Raise ImagerError if a file system of this size is too large for an archive."""
    if size > cpio.FILE_LIMIT:
        raise ImagerError(
            f"a layer of the system has {size} bytes after compression, but an image can only hold layers smaller "
            "than 4 GiB: remove files from the system"
        )


def _name(number: int, kind: str) -> bytes:
    return tree.LAYERS + f"/{number}.{kind}".encode()
