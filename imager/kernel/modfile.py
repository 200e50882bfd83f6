"""One kernel module file: its unpacked content, and its own metadata (.modinfo; include/linux/module.h)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError, ToolError

if TYPE_CHECKING:
    from pathlib import Path

_SECTION = struct.Struct("<IIQQQQ")
_MODINFO = b".modinfo"


def read(place: Path) -> bytes:
    """Return the ELF program in a module file that ends with .ko, .ko.gz, .ko.xz or .ko.zst; raises ImagerError."""
    return unpack(place.read_bytes(), place.suffix, place)


def unpack(data: bytes, suffix: str, place: Path) -> bytes:
    """Return the content of a file with the ending `suffix`; raises ImagerError about `place`."""
    import lzma
    import zlib

    try:
        match suffix:
            case ".gz":
                return zlib.decompress(data, zlib.MAX_WBITS | 16)
            case ".xz":
                return lzma.decompress(data)
            case ".zst":
                from imager.core import tools  # slow to import

                return tools.run(("zstd", "--decompress", "--quiet", "--stdout", str(place)))
            case _:
                return data
    except (zlib.error, lzma.LZMAError, ToolError) as error:
        raise ImagerError(f"{place} is damaged: {error}") from None


def modinfo(program: bytes) -> tuple[tuple[str, str], ...]:
    """Return the fields of a module, such as ("firmware", "e100/d101m_ucode.bin"), in the order of the file.

    There are none without a .modinfo section, or if `program` is not a 64-bit little-endian ELF file: the kernels of
    both architectures load no other files.
    """
    if program[:6] != b"\x7fELF\x02\x01" or len(program) < 64:
        return ()
    (table,) = struct.unpack_from("<Q", program, 0x28)
    size, count, names_at = struct.unpack_from("<HHH", program, 0x3A)
    try:
        sections = [_SECTION.unpack_from(program, table + size * index) for index in range(count)]
        names = _content(program, sections[names_at])
        found = next((each for each in sections if _name(names, each[0]) == _MODINFO), None)
    except (struct.error, IndexError):
        return ()
    return parse_modinfo(_content(program, found)) if found else ()


def parse_modinfo(data: bytes) -> tuple[tuple[str, str], ...]:
    """Return the fields in `key=value` texts, each terminated by a NUL."""
    texts = (text.decode(errors="surrogateescape").partition("=") for text in data.split(b"\0"))
    return tuple((key, value) for key, equals, value in texts if equals)


def _content(program: bytes, section: tuple[int, ...]) -> bytes:
    _, _, _, _, offset, size = section
    return program[offset : offset + size]


def _name(names: bytes, at: int) -> bytes:
    return names[at : max(at, names.find(b"\0", at))]
