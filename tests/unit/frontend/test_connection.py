"""Calls over HTTP/2, against an engine that a test plays frame by frame."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hpack import Decoder, Encoder

from frontend.gateway import codes, connection, frames
from frontend.gateway.connection import CallError, Connection
from frontend.gateway.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GO_AWAY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    RESET,
    SETTINGS,
    WINDOW_UPDATE,
    Frame,
)

OK = [(":status", "200"), ("content-type", "application/grpc")]
DONE = [("grpc-status", "0")]


class Engine:
    """The other side of a connection, and the frontend's side with it."""

    def __init__(self) -> None:
        ours, self.pipe = socket.socketpair()
        self.pipe.settimeout(20)
        self.ours = ours
        self.frontend = Connection(os.dup(ours.fileno()), ours.fileno())
        self._pool = ThreadPoolExecutor(max_workers=4)
        self._encoder, self.decoder = Encoder(), Decoder()
        self.preface = self.pipe.recv(len(frames.PREFACE), socket.MSG_WAITALL)
        self.frames = frames.read(lambda: self.pipe.recv(1 << 16), 1 << 16)
        assert [next(self.frames).kind, next(self.frames).kind] == [SETTINGS, WINDOW_UPDATE]

    def call(self, message: bytes = b"hi", timeout: float | None = None) -> Future[bytes]:
        return self._pool.submit(self.frontend.call, "/service/Name", message, timeout)

    def send(self, kind: int, flags: int, stream: int, body: bytes = b"") -> None:
        self.pipe.sendall(frames.write(kind, flags, stream, body))

    def headers(self, headers: list[tuple[str, str]]) -> bytes:
        return self._encoder.encode(headers)

    def asked(self) -> tuple[Frame, Frame]:
        """Return the two frames of a call with a small message."""
        return next(self.frames), next(self.frames)

    def answer(self, stream: int, message: bytes = b"yes", end: list[tuple[str, str]] = DONE) -> None:
        self.send(HEADERS, END_HEADERS, stream, self.headers(OK))
        self.send(DATA, 0, stream, prefixed(message))
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, self.headers(end))

    def close(self) -> None:
        self.pipe.close()
        self._pool.shutdown()
        self.ours.close()


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


def prefixed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4, "big") + message


def failure(call: Future[bytes]) -> CallError:
    error = call.exception(timeout=20)
    assert isinstance(error, CallError)
    return error


def test_a_call_is_what_servers_of_grpc_expect(engine: Engine) -> None:
    assert engine.preface == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    first, second = engine.call(), engine.call(b"second")
    (asked, sent), (_, other) = engine.asked(), engine.asked()
    headers = list(engine.decoder.decode(asked.body, raw=True))
    names = [name for name, _ in headers]
    assert names == [b":method", b":scheme", b":authority", b":path", b"content-type", b"te"]
    assert (b":path", b"/service/Name") in headers
    assert (sent.kind, sent.flags, {asked.stream, other.stream}) == (DATA, END_STREAM, {1, 3})
    answers = {prefixed(b"hi"): b"to hi", prefixed(b"second"): b"to second"}
    for each in (other, sent):  # in another order than they were asked
        engine.answer(each.stream, answers[each.body])
    assert (first.result(20), second.result(20)) == (b"to hi", b"to second")


def test_answers_may_come_in_any_pieces(engine: Engine) -> None:
    call = engine.call()
    engine.asked()
    block = engine.headers([*OK, ("more", "x" * 300)])
    engine.send(HEADERS, PADDED | PRIORITY, 1, b"\x03" + b"\0" * 5 + block[:10] + b"\0" * 3)
    engine.send(CONTINUATION, 0, 1, block[10:20])
    engine.send(CONTINUATION, END_HEADERS, 1, block[20:])
    engine.send(20, 0, 1, b"of a kind that nobody knows")
    engine.send(DATA, PADDED, 1, b"\x02" + prefixed(b"hello")[:7] + b"\0\0")
    engine.send(DATA, 0, 1, prefixed(b"hello")[7:])
    engine.send(HEADERS, END_HEADERS | END_STREAM, 1, engine.headers(DONE))
    assert call.result(20) == b"hello"


def test_no_more_is_sent_than_there_is_room_for(engine: Engine) -> None:
    engine.send(SETTINGS, 0, 0, frames.write_settings({frames.WINDOW: 10, frames.FRAME_SIZE: 1 << 14}))
    assert next(engine.frames) == Frame(SETTINGS, ACK, 0, b"")
    call = engine.call(b"x" * 40_000)
    _, data = engine.asked()
    assert len(data.body) == 10
    engine.send(WINDOW_UPDATE, 0, 1, frames.write_number(60_000))
    assert [len(next(engine.frames).body) for _ in range(3)] == [1 << 14, 1 << 14, 40_005 - 10 - (2 << 14)]
    engine.answer(1)
    assert call.result(20) == b"yes"
    engine.send(SETTINGS, 0, 0, frames.write_settings({frames.WINDOW: 1 << 20}))
    assert next(engine.frames).flags == ACK
    call = engine.call(b"x" * 50_000)
    assert [len(next(engine.frames).body) for _ in range(3)][1:] == [1 << 14, 65_535 - 40_005 - (1 << 14)]
    engine.send(WINDOW_UPDATE, 0, 0, frames.write_number(100_000))  # of the connection, which had no more room
    sent = [next(engine.frames) for _ in range(2)]
    assert [each.flags for each in sent] == [0, END_STREAM]
    engine.send(RESET, 0, 3, frames.write_number(7))
    assert failure(call).code == codes.UNAVAILABLE


def test_a_ping_is_answered(engine: Engine) -> None:
    engine.send(PING, 0, 0, b"12345678")
    engine.send(PING, ACK, 0, b"of ours.")
    engine.send(PING, 0, 0, b"abcdefgh")
    assert [next(engine.frames) for _ in range(2)] == [
        Frame(PING, ACK, 0, b"12345678"),
        Frame(PING, ACK, 0, b"abcdefgh"),
    ]


def test_what_is_read_may_be_sent_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_ANSWER_LIMIT", 100)
    call = engine.call()
    engine.asked()
    engine.send(HEADERS, END_HEADERS, 1, engine.headers(OK))
    engine.send(DATA, 0, 1, b"\0" * 101)
    assert failure(call).code == codes.RESOURCE_EXHAUSTED
    update = next(engine.frames)
    assert (update.kind, update.stream, update.number()) == (WINDOW_UPDATE, 0, 101)


@pytest.mark.parametrize(
    ("end", "code", "message"),
    [
        ([("grpc-status", "5"), ("grpc-message", "no%20such %e2%82%ac")], codes.NOT_FOUND, "no such €"),
        ([("grpc-status", "12345678901234567890")], codes.UNKNOWN, ""),
        ([("grpc-status", "²")], codes.UNKNOWN, ""),
        ([("else", "")], codes.UNKNOWN, ""),
    ],
)
def test_a_failure_has_the_words_of_the_engine(
    engine: Engine, end: list[tuple[str, str]], code: int, message: str
) -> None:
    call = engine.call()
    engine.asked()
    engine.send(HEADERS, END_HEADERS | END_STREAM, 1, engine.headers([*OK, *end]))
    error = failure(call)
    assert (error.code, error.message) == (code, message)


@pytest.mark.parametrize(
    ("kind", "flags", "stream", "body", "code", "text"),
    [
        (RESET, 0, 1, b"\0\0\0\x08", codes.CANCELLED, "HTTP/2 error 8"),
        (RESET, 0, 1, b"\0\0\0\x01", codes.INTERNAL, "HTTP/2 error 1"),
        (RESET, 0, 1, b"", codes.INTERNAL, "too short"),
        (GO_AWAY, 0, 0, b"\0" * 8, codes.UNAVAILABLE, "takes no more calls"),
        (DATA, PADDED, 1, b"\x05ab", codes.INTERNAL, "more padding"),
        (DATA, PADDED, 1, b"", codes.INTERNAL, "more padding"),
        (CONTINUATION, END_HEADERS, 1, b"", codes.INTERNAL, "did not begin"),
        (SETTINGS, 0, 0, b"\0" * 7, codes.INTERNAL, "settings are cut"),
        (SETTINGS, 0, 0, b"\0\x05\0\0\0\0", codes.INTERNAL, "so small"),
        (HEADERS, END_HEADERS, 1, b"\xff\xff\xff", codes.INTERNAL, "does not speak HTTP/2"),
        (HEADERS, 0, 1, b"", codes.INTERNAL, "do not end"),
        (HEADERS, END_HEADERS | END_STREAM, 1, b"\x8d", codes.UNAVAILABLE, "HTTP status 404"),
        (DATA, END_STREAM, 1, b"", codes.UNAVAILABLE, "HTTP status "),
        (HEADERS, END_HEADERS, 1, b"\0" * ((1 << 14) + 1), codes.INTERNAL, "larger than allowed"),
    ],
)
def test_nobody_waits_for_an_engine_that_ends_or_errs(
    engine: Engine, kind: int, flags: int, stream: int, body: bytes, code: int, text: str
) -> None:
    call = engine.call()
    engine.asked()
    engine.send(kind, flags, stream, body)
    engine.send(PING, 0, 0, b"12345678")
    error = failure(call)
    assert error.code == code
    assert text in error.message


def test_an_answer_is_one_message(engine: Engine) -> None:
    for number, body in enumerate((b"", b"\1\0\0\0\0", prefixed(b"abc")[:-1], prefixed(b"a") + prefixed(b"b"))):
        call = engine.call()
        asked, _ = engine.asked()
        assert asked.stream == 2 * number + 1
        engine.send(HEADERS, END_HEADERS, asked.stream, engine.headers(OK))
        engine.send(DATA, 0, asked.stream, body)
        engine.send(HEADERS, END_HEADERS | END_STREAM, asked.stream, engine.headers(DONE))
        assert failure(call).code == codes.INTERNAL


def test_who_waits_too_long_says_so_to_both(engine: Engine) -> None:
    call = engine.call(timeout=0.05)
    engine.asked()
    assert failure(call).code == codes.DEADLINE_EXCEEDED
    cancelled = next(engine.frames)
    assert (cancelled.kind, cancelled.stream, cancelled.number()) == (RESET, 1, 8)
    engine.answer(1)  # too late, and of no harm
    again = engine.call()
    engine.asked()
    engine.answer(3)
    assert again.result(20) == b"yes"


def test_the_end_of_the_connection_is_told_to_all(engine: Engine) -> None:
    waiting = engine.call()
    engine.asked()
    engine.pipe.close()
    for call in (waiting, engine.call()):
        assert failure(call).code == codes.UNAVAILABLE


def test_a_request_larger_than_the_engine_takes_is_not_sent(engine: Engine) -> None:
    assert failure(engine.call(b"x" * ((16 << 20) + 1))).code == codes.RESOURCE_EXHAUSTED
