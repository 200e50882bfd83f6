"""Frames of HTTP/2 (RFC 9113, sections 4 and 6), as bytes on the way and as values here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GO_AWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 32
"""Flags. What each means depends on the kind of frame."""
PUSH, WINDOW, FRAME_SIZE, HEADER_LIST_SIZE = 2, 4, 5, 6
"""Settings."""
LARGEST = 1 << 14
"""Bytes of a frame, unless the other side allows more."""
FIRST_WINDOW = (1 << 16) - 1
"""Bytes that may be sent before the other side allows more."""
_HEAD = 9


class ProtocolError(Exception):
    """The other side does not speak HTTP/2."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `stream` is 0 for those of the connection itself."""

    kind: int
    flags: int
    stream: int
    body: bytes

    def content(self) -> bytes:
        """Return the body of DATA or HEADERS without padding and priority. Raises `ProtocolError`."""
        padding = self.body[0] if self.flags & PADDED and self.body else 0
        start = bool(self.flags & PADDED) + 5 * (self.kind == HEADERS and bool(self.flags & PRIORITY))
        if start + padding > len(self.body):
            raise ProtocolError("a frame has more padding than content")
        return self.body[start : len(self.body) - padding]

    def number(self, at: int = 0) -> int:
        """Return the number at this byte of the body, without the highest bit. Raises `ProtocolError`."""
        if len(self.body) < at + 4:
            raise ProtocolError("a frame is too short")
        return int.from_bytes(self.body[at : at + 4], "big") & 0x7FFFFFFF

    def settings(self) -> Iterator[tuple[int, int]]:
        """Yield the number and the value of each setting. Raises `ProtocolError`."""
        if len(self.body) % 6:
            raise ProtocolError("settings are cut")
        for at in range(0, len(self.body), 6):
            yield int.from_bytes(self.body[at : at + 2], "big"), int.from_bytes(self.body[at + 2 : at + 6], "big")


def write(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    """Return a frame as bytes."""
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body


def write_number(number: int) -> bytes:
    """Return the body of a frame that is one number."""
    return number.to_bytes(4, "big")


def write_settings(settings: Mapping[int, int]) -> bytes:
    """Return the body of a frame with settings."""
    return b"".join(each.to_bytes(2, "big") + value.to_bytes(4, "big") for each, value in settings.items())


def write_headers(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return headers as literals that no table remembers (RFC 7541, section 6.2.2)."""
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in headers)


def _text(text: bytes) -> bytes:
    assert len(text) < 0x7F  # longer ones need more than a byte for their length
    return bytes((len(text),)) + text


def read(receive: Callable[[], bytes], most: int) -> Iterator[Frame]:
    """Yield frames until `receive` returns nothing. Headers are whole, and have at most `most` bytes.

    Raises `ProtocolError`.
    """
    frames = _read(receive)
    for frame in frames:
        if frame.kind == CONTINUATION:
            raise ProtocolError("headers continue that did not begin")
        if frame.kind != HEADERS or frame.flags & END_HEADERS:
            yield frame
            continue
        block = bytearray(frame.content())
        for more in frames:
            block += more.body
            if (more.kind, more.stream) != (CONTINUATION, frame.stream) or len(block) > most:
                raise ProtocolError("headers do not end")
            if more.flags & END_HEADERS:
                yield Frame(HEADERS, frame.flags & END_STREAM, frame.stream, bytes(block))
                break


def _read(receive: Callable[[], bytes]) -> Iterator[Frame]:
    had = bytearray()

    def have(size: int) -> bool:
        while len(had) < size:
            more = receive()
            if not more:
                return False
            had.extend(more)
        return True

    while have(_HEAD):
        size, kind, flags = int.from_bytes(had[:3], "big"), had[3], had[4]
        stream = int.from_bytes(had[5:_HEAD], "big") & 0x7FFFFFFF
        if size > LARGEST:
            raise ProtocolError("a frame is larger than allowed")
        if not have(_HEAD + size):
            return
        body = bytes(had[_HEAD : _HEAD + size])
        del had[: _HEAD + size]
        yield Frame(kind, flags, stream, body)
