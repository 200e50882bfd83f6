"""DER, as far as signatures and certificates need it (ITU-T X.690): values as bytes, written and taken apart.

A library would bring hundreds of types, and each of those that are well kept is larger than the rest of a signing step:
see docs/internals/decisions.md.
"""

from __future__ import annotations

from typing import NamedTuple

from imager.core.errors import ImagerError

INTEGER, BITS, OCTETS, NULL, OID, SEQUENCE, SET = 0x02, 0x03, 0x04, 0x05, 0x06, 0x30, 0x31
CONTEXT = 0xA0
"""The tag [0] of a part of a structure; those of [1] and so on follow it."""


class Value(NamedTuple):
    """A value: its tag, its content, and the whole of it as it is encoded."""

    tag: int
    content: bytes
    whole: bytes


def make(tag: int, *parts: bytes) -> bytes:
    """Return a value whose content is `parts`, one after the other."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content


def tagged(number: int, *parts: bytes) -> bytes:
    """Return a value with the tag [number], as a part of a structure that is optional or one of several."""
    return make(CONTEXT | number, *parts)


def integer(value: int) -> bytes:
    """Return a number that is not negative."""
    return make(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def oid(dotted: str) -> bytes:
    """Return an object identifier, written as `1.2.840.113549`."""
    first, second, *rest = map(int, dotted.split("."))
    content = bytearray((40 * first + second,))
    for number in rest:
        groups = [number & 0x7F]
        while number := number >> 7:
            groups.append(0x80 | number & 0x7F)
        content += bytes(reversed(groups))
    return make(OID, bytes(content))


def read(data: bytes) -> tuple[Value, ...]:
    """Return the values that `data` consists of. Raises ImagerError if it is not DER."""
    found = []
    while data:
        value = first(data)
        found.append(value)
        data = data[len(value.whole) :]
    return tuple(found)


def first(data: bytes) -> Value:
    """Return the first value of `data`, whatever follows it. Raises ImagerError if it is not DER."""
    start, size = 2, data[1] if len(data) > 1 else 0
    if size >= 0x80:
        start += size & 0x7F
        size = int.from_bytes(data[2:start])
    if len(data) < max(start + size, 2):
        raise ImagerError("a certificate or key is incomplete or damaged")
    return Value(data[0], data[start : start + size], data[: start + size])
