"""A web server for updates on loopback, which also fails in the ways that it is told to: the fixture `shop`."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class Faults:
    """What goes wrong, by the path that is asked."""

    flip: str = ""
    """One bit of what matches it is wrong."""
    cut: str = ""
    """The connection ends in the middle."""
    cuts: int = 1 << 30
    """How often."""
    gone: str = ""
    """Later, the server does not answer any more."""
    short: str = ""
    """Half of it is said to be all."""
    endless: str = ""
    """It never ends."""
    statuses: dict[str, list[int]] = field(default_factory=dict)
    """What is answered first, in this order."""
    no_ranges: bool = False
    login: str = ""
    """NAME:PASSWORD that is wanted."""


class Shop(ThreadingHTTPServer):
    """Serves `root`. `asked` contains each path and where in it the answer begins; `sent` counts the bytes."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.asked: list[tuple[str, int]] = []
        self.faults = Faults()
        self.answer: Callable[[_Handler], bool] = lambda _: False

    @property
    def url(self) -> str:
        """The address without final slash."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def pieces(self) -> list[str]:
        """The digests of the pieces that were asked for."""
        return [path.rpartition("/")[2] for path, _ in self.asked if "/pieces/" in path]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A server of an empty directory."""
    root = tmp_path / "shop"
    root.mkdir()
    with Shop(root) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Shop
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        faults = self.server.faults
        start = 0
        if (part := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))) and not faults.no_ranges:
            start = int(part[1])
        self.server.asked.append((self.path, start))
        waiting = next((codes for path, codes in faults.statuses.items() if path in self.path), [])
        login = base64.b64encode(faults.login.encode()).decode()
        if faults.gone and faults.gone in self.path and not faults.cuts:
            self.close_connection = True
        elif waiting:
            self.say(waiting.pop(0), b"")
        elif self.server.answer(self):
            pass
        elif faults.login and self.headers.get("Authorization") != f"Basic {login}":
            self.say(401, b"", {"WWW-Authenticate": 'Basic realm="shop"'})
        elif (file := self.server.root / self.path.partition("?")[0].lstrip("/")).is_file():
            self.send(file.read_bytes(), start)
        else:
            self.say(404, b"")

    def send(self, content: bytes, start: int = 0) -> None:
        """Answer with content, and with its fault."""
        faults, path = self.server.faults, self.path
        if faults.flip and faults.flip in path:
            content = content[:-1] + bytes([content[-1] ^ 1])
        if faults.short and faults.short in path:
            content = content[: len(content) // 2]
        if start > len(content):
            self.say(416, b"")
            return
        headers = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        if faults.endless and faults.endless in path:
            self.close_connection = True
            self.begin(200, {})
            for _ in range(1 << 10):
                self.wfile.write(bytes(1 << 16))
        elif faults.cut and faults.cut in path and faults.cuts:
            faults.cuts -= 1
            self.close_connection = True
            rest = content[start:]
            self.begin(206 if start else 200, {**headers, "Content-Length": str(len(rest))})
            self.wfile.write(rest[: -(-len(rest) // 2)])
        else:
            self.say(206 if start else 200, content[start:], headers)

    def say(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        """Answer."""
        self.begin(status, {**(headers or {}), "Content-Length": str(len(content))})
        self.wfile.write(content)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def handle(self) -> None:
        """Serve until the other side goes away, which is no error here."""
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep the output of the tests clean."""
