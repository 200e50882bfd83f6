"""Unary calls of gRPC over HTTP/2 on the two ends of a pipe: as much of both as BuildKit's gateway needs.

grpcio can only dial addresses, so it would need a socket and threads that copy; and to load it takes as long as to load
half of the frontend. Here are calls with one message each way, without compression and certificates (gRPC over HTTP2,
doc/PROTOCOL-HTTP2.md; RFC 9113). One thread reads; those who call write.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from threading import Condition, Lock, Thread
from time import monotonic
from urllib.parse import unquote

from hpack import Decoder

from . import codes, frames
from .frames import Frame, ProtocolError

_CHUNK = 1 << 18
_MESSAGE_LIMIT = 16 << 20
"""BuildKit's own limit for messages in both directions, since v0.14."""
_ANSWER_LIMIT = 2 * _MESSAGE_LIMIT
"""More than any engine sends, and little memory."""
_METADATA_LIMIT = 4 << 20
"""Details of failed calls are in a trailer."""
_WINDOW = (1 << 31) - 1
"""The most that HTTP/2 can allow: answers are limited here, not by what is on its way."""
_SETTINGS = {frames.PUSH: 0, frames.WINDOW: _WINDOW, frames.HEADER_LIST_SIZE: _METADATA_LIMIT}
_METHOD = ((b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"localhost"))
_HEADERS = ((b"content-type", b"application/grpc"), (b"te", b"trailers"))
"""What comes after the path: servers in Go refuse another order."""
_CANCEL = 8
_OF_RESET = {7: codes.UNAVAILABLE, _CANCEL: codes.CANCELLED, 11: codes.RESOURCE_EXHAUSTED}
"""What gRPC calls the reasons of HTTP/2 for the end of a call."""


_PREFIX = 5
"""Bytes before a message: whether it is compressed, and its length."""


class CallError(Exception):
    """A call failed with a code of gRPC. `trailers` are what the other side added."""

    def __init__(self, code: int, message: str, trailers: Mapping[bytes, bytes] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.trailers = trailers or {}


class _Call:
    """A call that is on its way: what came of the answer, and how much may still be sent of the request."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.headers: dict[bytes, bytes] = {}
        self.body = bytearray()
        self.over = False
        self.error: CallError | None = None

    def fail(self, error: CallError) -> None:
        """End the call, unless it has ended."""
        if not self.over:
            self.over, self.error = True, error

    def answer(self) -> bytes:
        """Return the message of a call that is over. Raises `CallError`."""
        if self.error:
            raise self.error
        if (http := self.headers.get(b":status", b"")) != b"200":
            raise CallError(codes.UNAVAILABLE, f"the engine gave the HTTP status {http.decode('ascii', 'replace')}")
        said = self.headers.get(b"grpc-status", b"")
        code = int(said) if said.isdigit() and len(said) < 3 else codes.UNKNOWN
        if code != codes.OK:
            message = unquote(self.headers.get(b"grpc-message", b"").decode("utf-8", "replace"))
            raise CallError(code, message, self.headers)
        if self.body[:1] != b"\0" or int.from_bytes(self.body[1:_PREFIX], "big") != len(self.body) - _PREFIX:
            raise CallError(codes.INTERNAL, "the engine did not give one message")
        return bytes(self.body[_PREFIX:])


class Connection:
    """HTTP/2 to the server at the other end of `reader` and `writer`. Calls may come from several threads.

    `reader` is closed when the connection has ended; `writer` stays open.
    """

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer = reader, writer
        self._decoder = Decoder(max_header_list_size=_METADATA_LIMIT)
        self._changed = Condition()
        self._writing = Lock()
        self._calls: dict[int, _Call] = {}
        self._next = 1
        self._window = self._first_window = frames.FIRST_WINDOW
        self._largest = frames.LARGEST
        self._end: CallError | None = None
        self._unacknowledged = 0
        more = frames.write_number(_WINDOW - frames.FIRST_WINDOW)
        hello = frames.write(frames.SETTINGS, 0, 0, frames.write_settings(_SETTINGS))
        self._write(frames.PREFACE + hello + frames.write(frames.WINDOW_UPDATE, 0, 0, more))
        Thread(target=self._receive, daemon=True).start()

    def call(self, path: str, message: bytes, timeout: float | None = None) -> bytes:
        """Return the answer to `message`. `timeout` is in seconds. Raises `CallError`."""
        if len(message) > _MESSAGE_LIMIT:
            text = f"the request has {len(message):,} bytes, more than {_MESSAGE_LIMIT:,}"
            raise CallError(codes.RESOURCE_EXHAUSTED, text)
        end = None if timeout is None else monotonic() + timeout
        number, call = self._begin(path)
        try:
            if not self._send(number, call, b"\0" + len(message).to_bytes(4, "big") + message, end):
                self._cancel(number)
            self._wait(lambda: call.over, end)
        except CallError:
            self._cancel(number)
            raise
        finally:
            with self._changed:
                del self._calls[number]
        return call.answer()

    def _begin(self, path: str) -> tuple[int, _Call]:
        headers = frames.write_headers((*_METHOD, (b":path", path.encode()), *_HEADERS))
        with self._writing:  # the numbers of calls must come in order
            with self._changed:
                if self._end:
                    raise self._end
                number, call = self._next, _Call(self._first_window)
                self._next += 2
                self._calls[number] = call
            self._write_all(frames.write(frames.HEADERS, frames.END_HEADERS, number, headers))
        return number, call

    def _send(self, number: int, call: _Call, message: bytes, end: float | None) -> bool:
        """Send what the other side has room for, until all is sent. Return False if the call is over before that."""
        rest = memoryview(message)
        while rest:
            with self._changed:
                self._wait(lambda: call.over or min(call.window, self._window) > 0, end)
                if call.over:
                    return False
                size = min(len(rest), call.window, self._window, self._largest)
                call.window -= size
                self._window -= size
            flags = frames.END_STREAM if size == len(rest) else 0
            self._write(frames.write(frames.DATA, flags, number, bytes(rest[:size])))
            rest = rest[size:]
        return True

    def _cancel(self, number: int) -> None:
        self._write(frames.write(frames.RESET, 0, number, frames.write_number(_CANCEL)))

    def _wait(self, ready: Callable[[], bool], end: float | None) -> None:
        with self._changed:
            if not self._changed.wait_for(ready, None if end is None else end - monotonic()):
                raise CallError(codes.DEADLINE_EXCEEDED, "the engine does not answer")

    def _write(self, data: bytes) -> None:
        with self._writing:
            self._write_all(data)

    def _write_all(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._writer, rest) :]
        except OSError as error:
            self._stop(CallError(codes.UNAVAILABLE, f"the connection to the engine is lost: {error.strerror}"))

    def _stop(self, error: CallError) -> None:
        with self._changed:
            self._end = self._end or error
            for call in self._calls.values():
                call.fail(error)
            self._changed.notify_all()

    def _receive(self) -> None:
        """Read until the connection ends, and tell those who wait."""
        try:
            for frame in frames.read(lambda: os.read(self._reader, _CHUNK), _METADATA_LIMIT):
                answer = self._take(frame)
                if answer:
                    self._write(answer)
            error = CallError(codes.UNAVAILABLE, "the engine closed the connection")
        except OSError as lost:
            error = CallError(codes.UNAVAILABLE, f"the connection to the engine is lost: {lost.strerror}")
        except Exception as odd:  # noqa: BLE001 - nobody may wait for ever
            error = CallError(codes.INTERNAL, f"the engine does not speak HTTP/2: {odd}")
        os.close(self._reader)
        self._stop(error)

    def _take(self, frame: Frame) -> bytes:
        """Take note of a frame, and return what is to be sent for it."""
        with self._changed:
            self._changed.notify_all()
            call = self._calls.get(frame.stream)
            match frame.kind:
                case frames.DATA:
                    return self._take_data(frame, call)
                case frames.HEADERS:
                    headers = self._decoder.decode(frame.content(), raw=True)  # it remembers those of all calls
                    if call:
                        call.headers.update(headers)
                        call.over = call.over or bool(frame.flags & frames.END_STREAM)
                case frames.RESET if call:
                    code = _OF_RESET.get(frame.number(), codes.INTERNAL)
                    call.fail(CallError(code, f"the engine ended the call with the HTTP/2 error {frame.number()}"))
                case frames.SETTINGS if not frame.flags & frames.ACK:
                    self._take_settings(frame)
                    return frames.write(frames.SETTINGS, frames.ACK, 0)
                case frames.PING if not frame.flags & frames.ACK:
                    return frames.write(frames.PING, frames.ACK, 0, frame.body)
                case frames.GO_AWAY:
                    self._end = CallError(codes.UNAVAILABLE, "the engine takes no more calls")
                    for number, each in self._calls.items():
                        if number > frame.number():
                            each.fail(self._end)
                case frames.WINDOW_UPDATE if call:
                    call.window += frame.number()
                case frames.WINDOW_UPDATE if not frame.stream:
                    self._window += frame.number()
                case _:
                    pass
        return b""

    def _take_data(self, frame: Frame, call: _Call | None) -> bytes:
        self._unacknowledged += len(frame.body)
        if call:
            call.body += frame.content()
            if len(call.body) > _ANSWER_LIMIT:
                call.fail(CallError(codes.RESOURCE_EXHAUSTED, f"the answer has more than {_ANSWER_LIMIT:,} bytes"))
            call.over = call.over or bool(frame.flags & frames.END_STREAM)
        if self._unacknowledged < _ANSWER_LIMIT:
            return b""
        size, self._unacknowledged = self._unacknowledged, 0
        return frames.write(frames.WINDOW_UPDATE, 0, 0, frames.write_number(size))

    def _take_settings(self, frame: Frame) -> None:
        for setting, value in frame.settings():
            if setting == frames.WINDOW:
                for call in self._calls.values():
                    call.window += value - self._first_window
                self._first_window = value
            elif setting == frames.FRAME_SIZE:
                if value < frames.LARGEST:
                    raise ProtocolError("frames must not be so small")
                self._largest = value
