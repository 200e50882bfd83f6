"""The cpio archive around the file system of a layer: the bytes before and after it in an initramfs.

Separate from `layers`, because laying out a UKI needs only this part and not the imports of the other.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, NamedTuple

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


class Lists(NamedTuple):
    """What init does with the finished tree: records of attributes to restore, and of files with holes."""

    attributes: bytes = b""
    holes: bytes = b""


def tail(number: int, lists: Lists, epoch: int) -> bytes:
    """Return the bytes after the file system. The list of attributes is always there, and the last file."""
    files = {"sparse": lists.holes} if lists.holes else {}
    files["xattrs"] = lists.attributes
    made = bytearray()
    for inode, (kind, data) in enumerate(files.items(), 2):
        name = _name(number, kind)
        made += cpio.header(name, ino=inode, mode=stat.S_IFREG | 0o600, mtime=epoch, size=len(data))
        made += data + cpio.padding(len(data))
    return bytes(made + cpio.TRAILER)


def check_size(size: int) -> None:
    """Raise ImagerError if a file system of this size is too large for an archive."""
    if size > cpio.FILE_LIMIT:
        raise ImagerError(
            f"a layer of the system has {size} bytes after compression, but an image can only hold layers smaller "
            "than 4 GiB: remove files from the system"
        )


def _name(number: int, kind: str) -> bytes:
    return tree.LAYERS + f"/{number}.{kind}".encode()
