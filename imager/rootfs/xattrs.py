"""Extended attributes, which cpio cannot carry, as the records that our init restores.

The format is that of docs/internals/initramfs.md; docs/guide/memory.md says why only these kinds are content.
"""

from __future__ import annotations

import errno
import os

Attributes = tuple[tuple[str, bytes], ...]
"""Names and values."""
_PREFIXES = ("security.capability", "user.", "trusted.", "system.posix_acl_")
_NOT_CONTENT = ("trusted.overlay.", "user.overlay.")
"""Bookkeeping of overlayfs, which happens to hold the system during the build."""


def read(source: bytes) -> Attributes:
    """Give the attributes of `source` that are content, by name."""
    try:
        names = os.listxattr(source, follow_symlinks=False)
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return ()
        raise
    return tuple(
        (name, os.getxattr(source, name, follow_symlinks=False))
        for name in sorted(names)
        if name.startswith(_PREFIXES) and not name.startswith(_NOT_CONTENT)
    )


def records(path: bytes, source: bytes) -> bytes:
    """Give the records of `source` under its absolute `path` in the image; nothing when it has none."""
    return b"".join(record(path, name, value) for name, value in read(source))


def record(path: bytes, name: str, value: bytes) -> bytes:
    """Encode one attribute."""
    return b"%b\0%b\0%b%b" % (path, os.fsencode(name), len(value).to_bytes(4, "little"), value)
