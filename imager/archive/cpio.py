"""The newc cpio format as the kernel reads it (Documentation/driver-api/early-userspace/buffer-format)."""

from __future__ import annotations

from imager.core.errors import ImagerError

MAGIC = b"070701"
_FIELD_MAX = (1 << 32) - 1
"""The largest value of a field."""
FILE_LIMIT = _FIELD_MAX
"""The size of a file is such a field."""
_PATH_MAX = 4096
"""The kernel silently skips entries with longer names; the limit includes the final NUL."""


def header(
    name: bytes,
    *,
    ino: int,
    mode: int,
    uid: int = 0,
    gid: int = 0,
    nlink: int = 1,
    mtime: int = 0,
    size: int = 0,
    rdev: tuple[int, int] = (0, 0),
) -> bytes:
    """Return the header and name of one entry; `size` bytes and their `padding` must follow."""
    if len(name) >= _PATH_MAX:
        raise ImagerError(
            f"a path is too long for an initramfs: {name[:60]!r}... has {len(name)} bytes, at most {_PATH_MAX - 1} fit"
        )
    if size > FILE_LIMIT:
        raise ImagerError(
            f"/{name.decode(errors='backslashreplace')} has {size} bytes, but a file in an initramfs "
            f"must be smaller than 4 GiB: remove it from the system, split it, or use rootfs.mode: overlay"
        )
    fields = (ino, mode, uid, gid, nlink, mtime, size, 0, 0, *rdev, len(name) + 1, 0)
    if min(fields) < 0 or max(fields) > _FIELD_MAX:
        raise ImagerError(
            f"/{name.decode(errors='backslashreplace')} does not fit into an initramfs: its numbers must be between 0 "
            f"and {_FIELD_MAX} (owner {uid}:{gid}, time {mtime})"
        )
    head = MAGIC + b"%08X" * 13 % fields + name + b"\0"
    return head + padding(len(head))


def padding(size: int) -> bytes:
    """Return the padding after `size` bytes, because everything starts at a multiple of 4."""
    return b"\0" * (-size % 4)


TRAILER = header(b"TRAILER!!!", ino=0, mode=0)
"""The end of an archive; it also makes the kernel forget its hard links."""
