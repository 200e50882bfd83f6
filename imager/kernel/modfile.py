"""One kernel module file: its unpacked content, and its own metadata (.modinfo; include/linux/module.h)."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

from imager.core import output
from imager.core.errors import ImagerError, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.root import Root

UNPACKED = 256 << 20
"""The most bytes that a module or a piece of firmware may have, also unpacked."""
METADATA = 8 << 20
"""The same for the metadata of a module, or of all that are built into a kernel."""
_SECTION = struct.Struct("<IIQQQQ")
_MODINFO = b".modinfo\0"


def read(root: Root, path: str) -> bytes:
    """Return the content of a file of the system, unpacked if its name ends with .gz, .xz or .zst; raises ImagerError.

    It is at most `UNPACKED` bytes, and so is the file: some hundred bytes can stand for gigabytes.
    """
    with root.opening(path) as fd:
        if fd is None:
            raise ImagerError(f"/{path} is not a regular file")
        size = os.fstat(fd).st_size
        suffix = path.rpartition(".")[2]
        if size > UNPACKED:
            raise ImagerError(f"/{path} has {size:,} bytes: such a file may have {UNPACKED:,}")
        if suffix == "zst":
            return _zstd(path, fd)
        data = output.read_at(fd, 0, size)
    if suffix not in ("gz", "xz"):
        return data
    made = _unpack(path, data, suffix)
    if len(made) > UNPACKED:
        raise ImagerError(f"/{path} becomes more than {UNPACKED:,} bytes when it is unpacked")
    return made


def _unpack(path: str, data: bytes, suffix: str) -> bytes:
    """Return the unpacked content, of which more than `UNPACKED` bytes are cut off."""
    import lzma
    import zlib

    try:
        if suffix == "gz":
            stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
            made, complete = stream.decompress(data, UNPACKED + 1), stream.eof
        else:
            decoder = lzma.LZMADecompressor(memlimit=UNPACKED)
            made, complete = decoder.decompress(data, UNPACKED + 1), decoder.eof
    except (zlib.error, lzma.LZMAError) as error:
        raise ImagerError(f"/{path} is damaged: {error}") from None
    if not complete and len(made) <= UNPACKED:
        raise ImagerError(f"/{path} is damaged: it is cut off")
    return made


def _zstd(path: str, fd: int) -> bytes:
    from imager.core import tools  # slow to import

    try:
        argv = ("zstd", "--decompress", "--quiet", "--stdout", f"--memory={UNPACKED >> 20}MiB")
        return tools.run(argv, source=fd, limit=UNPACKED)
    except ToolError as error:
        raise ImagerError(f"/{path} is damaged, or too large: {error}") from None


def modinfo(program: bytes) -> Iterator[tuple[str, str]]:
    """Yield the fields of a module, such as ("firmware", "e100/d101m_ucode.bin"), in the order of the file.

    There are none without a .modinfo section, or if `program` is not a 64-bit little-endian ELF file: the kernels of
    both architectures load no other files.
    """
    if program[:6] != b"\x7fELF\x02\x01" or len(program) < 64:
        return
    (table,) = struct.unpack_from("<Q", program, 0x28)
    size, count, names_at = struct.unpack_from("<HHH", program, 0x3A)
    try:
        sections = [_SECTION.unpack_from(program, table + size * index) for index in range(count)]
        names = sections[names_at][4]
        found = next((each for each in sections if program.startswith(_MODINFO, names + each[0])), None)
    except (struct.error, IndexError):
        return
    if found:
        yield from parse_modinfo(_content(program, found)[:METADATA])


def parse_modinfo(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the fields in `key=value` texts, each terminated by a NUL."""
    for text in data.split(b"\0"):
        key, equals, value = text.decode(errors="surrogateescape").partition("=")
        if equals:
            yield key, value


def _content(program: bytes, section: tuple[int, ...]) -> bytes:
    _, _, _, _, offset, size = section
    return program[offset : offset + size]
