"""Extended attributes as records that our init restores, because cpio cannot carry them.

docs/internals/initramfs.md defines the format; docs/guide/memory.md explains the choice of attributes.
"""

from __future__ import annotations

import errno
import os

Attributes = tuple[tuple[str, bytes], ...]
"""Pairs of name and value."""
_PREFIXES = ("security.capability", "user.", "trusted.", "system.posix_acl_")
_NOT_CONTENT = ("trusted.overlay.", "user.overlay.")
"""Internal attributes of overlayfs, which may hold the system during the build."""


def read(source: bytes) -> Attributes:
    """Return the attributes of `source` that belong to its content, sorted by name."""
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
    """Return the records of `source` for its absolute `path` in the image; empty if it has no attributes."""
    return b"".join(record(path, name, value) for name, value in read(source))


def record(path: bytes, name: str, value: bytes) -> bytes:
    """Return the record of one attribute."""
    return b"%b\0%b\0%b%b" % (path, os.fsencode(name), len(value).to_bytes(4, "little"), value)
