"""Writing outputs: complete or not at all, and with the builder's kernel moving the bytes."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from collections.abc import Iterator

ALIGNMENT = 1 << 16
"""Every output aligns big parts to a multiple of this, because in their own files they start at 0.

A page is enough for file systems to share it (ioctl_ficlonerange(2)), but the kernel copies a third faster if the
positions in source and target differ by whole folios of its page cache (bench/README.md).
"""
_CHUNK = 1 << 20
_DIGEST = ".sha256"
_UNSUPPORTED = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM)


@contextmanager
def writing(output: str, epoch: int) -> Iterator[int]:
    """Yield a file descriptor for `output`; the file appears only when the block ends without an error.

    Mode (0644) and modification time do not depend on the machine.
    """
    part = Path(f"{output}.part")
    fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        yield fd
        os.fchmod(fd, 0o644)
        os.utime(fd, (epoch, epoch))
        part.rename(output)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)


def save_json(path: str, value: object, epoch: int) -> None:
    """Save a value for later steps and for people: the same value gives the same bytes. An object is its attributes."""
    with writing(path, epoch) as fd:
        write_all(fd, json.dumps(value, indent=1, sort_keys=True, default=vars).encode() + b"\n")


def save_digest(path: str, epoch: int) -> None:
    """Save the digest of a finished output beside it, so that later steps need not read the output for it."""
    with writing(path + _DIGEST, epoch) as fd:
        write_all(fd, digest(path).hex().encode())


def saved_digest(path: str | Path) -> bytes:
    """Return the SHA-256 of an output: the saved one, or else computed from the file."""
    noted = Path(f"{path}{_DIGEST}")
    return bytes.fromhex(noted.read_text()) if noted.is_file() else digest(path)


def digest(path: str | Path) -> bytes:
    """Return the SHA-256 of a file."""
    with Path(path).open("rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").digest()


@contextmanager
def reading(path: str | bytes | Path) -> Iterator[int]:
    """Yield a file descriptor for reading `path`."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        yield fd
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | bytearray | memoryview) -> None:
    """Write all of `data` at the position of `fd`."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def write_at(fd: int, offset: int, data: bytes) -> None:
    """Write all of `data` at `offset` of `fd`."""
    view = memoryview(data)
    while view:
        count = os.pwrite(fd, view, offset)
        view, offset = view[count:], offset + count


def truncate(fd: int, size: int) -> None:
    """Set the final size of the file `fd`; unwritten parts read as zeros and take no space."""
    os.ftruncate(fd, size)


def copy_at(source: int, target: int, offset: int, size: int, start: int = 0) -> None:
    """Copy `size` bytes from `start` of the file `source` to `offset` of the file `target`.

    Holes are skipped, so `target` must read as zeros there and get its size elsewhere. copy_file_range lets file
    systems share blocks, and no byte passes through this process.
    """
    for low, high in stored_ranges(source, start, start + size):
        _copy(source, target, low, high, offset - start)


def stored_ranges(source: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges between `start` and `end` that the file system stores."""
    if os.fstat(source).st_size < end:
        raise ImagerError("a file became shorter while the imager read it")
    while start < end:
        try:
            low = os.lseek(source, start, os.SEEK_DATA)
            high = os.lseek(source, low, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return  # only a hole follows
            if error.errno not in _UNSUPPORTED:
                raise
            low, high = start, end
        if low < end:
            yield low, min(high, end)
        start = high


def _copy(source: int, target: int, start: int, end: int, shift: int) -> None:
    """Copy the bytes from `start` to `end` of `source` to positions `shift` bytes further on in `target`."""
    try:
        while start < end:
            count = os.copy_file_range(source, target, end - start, start, start + shift)
            if count == 0:
                break
            start += count
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    # For other file systems, and for those whose copy_file_range returns 0, as some virtual ones do.
    if start < end:
        os.lseek(target, start + shift, os.SEEK_SET)
        send(source, target, start, end - start)


def send(source: int, target: int, start: int, size: int) -> None:
    """Copy `size` bytes from `start` of the file `source` to the current position of `target`, a file or pipe.

    Raises ImagerError if the source ends early.
    """
    end = start + size
    try:
        while start < end:
            count = os.sendfile(target, source, start, end - start)
            if count == 0:
                raise ImagerError("a file became shorter while the imager read it")
            start += count
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        _send_through(source, target, start, end)


def read_at(source: int, start: int, size: int) -> bytes:
    """Return exactly `size` bytes from `start`; raises ImagerError if the source ends early."""
    data = os.pread(source, size, start)
    while len(data) < size:
        more = os.pread(source, size - len(data), start + len(data))
        if not more:
            raise ImagerError("a file became shorter while the imager read it")
        data += more
    return data


def _send_through(source: int, target: int, start: int, end: int) -> None:
    """Copy through memory, for file systems that support neither of the faster ways."""
    for at in range(start, end, _CHUNK):
        write_all(target, read_at(source, at, min(_CHUNK, end - at)))
