"""The output of a running guest: on its console, and from its web server."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from urllib.error import HTTPError
from urllib.request import urlopen

from localvm.console import Console


def ask(console: Console, command: str) -> str:
    """Return the output of a command in a guest with a shell on its console.

    It is between two marks that only their output has, and not the line that is typed: a terminal echoes that line
    once or twice, and breaks it anywhere.
    """
    console.send(f"echo begin=$((20+22)); {command}; echo end=$((20+22))\n")
    begin = console.expect(r"begin=42\r?\n", 60).end()
    end = console.expect(r"end=42\r?\n", 60).start()
    return console.text[begin:end].replace("\r", "")


def page(port: int, seconds: float = 240) -> bytes:
    """Return what the guest's web server gives at a forwarded port, once it is up; an error page, too."""

    def get() -> bytes:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                content: bytes = answer.read()
                return content
        except HTTPError as error:
            return error.read()

    return _patiently(get, seconds)


def greeting(port: int, seconds: float = 240) -> bytes:
    """Return what a server in the guest says first at a forwarded port, once it is up."""

    def listen() -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
            return link.recv(256)

    return _patiently(listen, seconds)


def _patiently(get: Callable[[], bytes], seconds: float) -> bytes:
    """Return what `get` gives once it gives anything: QEMU takes connections before the guest listens."""
    end = time.monotonic() + seconds
    while True:
        try:
            if content := get():
                return content
        except OSError:
            pass
        assert time.monotonic() < end, f"no answer in {seconds:g} s"
        time.sleep(0.5)
