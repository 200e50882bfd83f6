"""What a signature of an EFI program says, and where firmware finds it.

References: Microsoft, "Windows Authenticode Portable Executable Signature Format" (the digest, SpcIndirectDataContent);
UEFI specification 2.10, 32.2.4 (WIN_CERTIFICATE); Microsoft, "PE Format".

The digest is taken chunk by chunk, so memory does not depend on the size of the program. Nothing here knows a private
key: `attributes` returns the few bytes that one signs, and `table` takes what it returned.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from imager.core.errors import ImagerError
from imager.core.extents import chunks
from imager.secureboot import der, pkcs7

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.core.extents import Extent
    from imager.secureboot.certificates import Certificate

_HEADERS = 1 << 16
"""The most bytes that headers may have."""
_ALIGNMENT = 8
"""The size of a program that is signed, and of its certificate table, is a multiple of this."""
_PE32_PLUS = 0x20B
_REVISION, _PKCS7 = 0x0200, 0x0002
"""wRevision and wCertificateType of a WIN_CERTIFICATE that has a PKCS #7."""
_CONTENT_TYPE, _MESSAGE_DIGEST = der.oid("1.2.840.113549.1.9.3"), der.oid("1.2.840.113549.1.9.4")
_INDIRECT_DATA, _PE_IMAGE = der.oid("1.3.6.1.4.1.311.2.1.4"), der.oid("1.3.6.1.4.1.311.2.1.15")
# No flags, and a link to a file without a name: programs that sign write nothing else here.
_NO_FILE = der.make(der.SEQUENCE, der.make(der.BITS, b"\0"), der.tagged(0, der.tagged(2, der.make(0x80))))


class Section(NamedTuple):
    """A section: its name, its place in the file, and how many bytes of memory it has."""

    name: str
    start: int
    end: int
    size: int


@dataclass(frozen=True)
class Program:
    """An EFI program of `size` bytes that is to be signed: the places of its headers that matter.

    `headers` are the bytes before the first section. `checksum` and `directory` are the positions of the fields that a
    signature leaves out: the checksum, and the entry that locates signatures. `sections` are in the order of the file.
    """

    extents: tuple[Extent, ...]
    size: int
    headers: bytes
    checksum: int
    directory: int
    sections: tuple[Section, ...]

    def digest(self) -> bytes:
        """Return the digest that firmware compares: of everything except for the two fields, padded with zeros."""
        found = hashlib.sha256()
        for start, end in ((0, self.checksum), (self.checksum + 4, self.directory), (self.directory + 8, self.size)):
            for chunk in self.chunks(start, end):
                found.update(chunk)
        found.update(bytes(-self.size % _ALIGNMENT))
        return found.digest()

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each section in hexadecimal, by name."""
        found = {}
        for each in self.sections:
            part = hashlib.sha256()
            for chunk in self.chunks(each.start, each.end):
                part.update(chunk)
            found[each.name] = part.hexdigest()
        return found

    def head(self, table: int) -> bytes:
        """Return the headers, changed so that they locate a certificate table of `table` bytes after the end."""
        changed = bytearray(self.headers)
        struct.pack_into("<II", changed, self.directory, self.end, table)
        return bytes(changed)

    @property
    def end(self) -> int:
        """The position of the certificate table."""
        return self.size + -self.size % _ALIGNMENT

    def chunks(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` to `end`; between the extents there are zeros."""
        return chunks(self.extents, start, end)


def parse(extents: tuple[Extent, ...], size: int) -> Program:
    """Read the headers of a program. Raises ImagerError if it cannot be signed so that all firmware accepts it."""
    head = extents[0].read(0, min(extents[0].end, _HEADERS))
    (start,) = struct.unpack_from("<I", head, 0x3C)
    count, optional_size = struct.unpack_from("<2xH12xH", head, start + 4)
    optional = start + 24
    (magic,) = struct.unpack_from("<H", head, optional)
    (headers,) = struct.unpack_from("<I", head, optional + 60)
    directory = optional + 144
    if magic != _PE32_PLUS or struct.unpack_from("<I", head, optional + 108)[0] <= 4:
        raise ImagerError("this EFI program has no place for a signature: it must be a PE32+ program with directories")
    if any(struct.unpack_from("<II", head, directory)):
        raise ImagerError("this EFI program is signed already")
    sections = []
    at = headers
    for section in sorted(_sections(head, optional + optional_size, count), key=lambda each: each.start):
        # Firmware hashes section after section, other programs all of the file: gaps would make a difference.
        if section.start != at:
            raise ImagerError(
                f"this EFI program has a gap before its section {section.name}, which some firmware does not sign"
            )
        sections.append(section)
        at = section.end
    if at > size or headers > len(head):
        raise ImagerError("this EFI program is shorter than its headers say")
    return Program(extents, size, head[:headers], optional + 64, directory, tuple(sections))


def _sections(head: bytes, at: int, count: int) -> Iterator[Section]:
    for number in range(count):
        name, size, stored, start = struct.unpack_from("<8sI4xII", head, at + 40 * number)
        if stored:
            yield Section(name.rstrip(b"\0").decode("ascii", "replace"), start, start + stored, size)


def attributes(digest: bytes) -> bytes:
    """Return the bytes that a key signs for a program with this digest: the DER of two signed attributes."""
    content = hashlib.sha256(der.read(_content(digest))[0].content).digest()
    found = (
        der.make(der.SEQUENCE, _CONTENT_TYPE, der.make(der.SET, _INDIRECT_DATA)),
        der.make(der.SEQUENCE, _MESSAGE_DIGEST, der.make(der.SET, der.make(der.OCTETS, content))),
    )
    return der.make(der.SET, *sorted(found))


def table(digest: bytes, certificate: Certificate, signature: bytes) -> bytes:
    """Return the certificate table of a program with this digest. `signature` is that of `attributes(digest)`."""
    signed = pkcs7.signed_data(
        der.make(der.SEQUENCE, _INDIRECT_DATA, der.tagged(0, _content(digest))),
        certificate,
        signature,
        der.tagged(0, der.read(attributes(digest))[0].content),
    )
    message = der.make(der.SEQUENCE, pkcs7.SIGNED_DATA, der.tagged(0, signed))
    padded = message + bytes(-len(message) % _ALIGNMENT)
    return struct.pack("<IHH", 8 + len(padded), _REVISION, _PKCS7) + padded


def certificate_in(made: bytes) -> bytes:
    """Return the DER of the certificate in what `table` made."""
    message = der.first(made[8:])
    signed = der.read(der.read(message.content)[1].content)[0]
    return next(each.content for each in der.read(signed.content) if each.tag == der.CONTEXT)


def _content(digest: bytes) -> bytes:
    """Return the SpcIndirectDataContent: a digest, and what it is the digest of."""
    image = der.make(der.SEQUENCE, _PE_IMAGE, _NO_FILE)
    return der.make(der.SEQUENCE, image, der.make(der.SEQUENCE, pkcs7.SHA256, der.make(der.OCTETS, digest)))
