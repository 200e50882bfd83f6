"""The output of a running guest: on its console, and from its web server."""

from __future__ import annotations

import time
from urllib.request import urlopen

from localvm.console import Console


def ask(console: Console, command: str) -> str:
    """Return the output of a command in a guest with a shell on its console."""
    console.send(f"{command}; echo end=$((20+22))\n")
    end = console.expect(r"^(.*)end=42$", 60)
    text = console.text[: end.end()]
    return text[text.rindex("echo end=") :].partition("\n")[2].removesuffix("end=42").replace("\r", "")


def page(port: int, seconds: float = 180) -> bytes:
    """Return the page of the guest's web server at a forwarded port, as soon as it is up."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
                content: bytes = answer.read()
                return content
        except OSError:
            assert time.monotonic() < end, f"no page in {seconds:g} s"
            time.sleep(0.5)
