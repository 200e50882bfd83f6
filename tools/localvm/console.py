"""A running machine and its serial console."""

from __future__ import annotations

import codecs
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from localvm import host
from localvm.errors import ConsoleError
from localvm.escapes import EscapeFilter
from localvm.machine import Machine, command_line

_TAIL = 40


class Console:
    """The text that the guest writes, without escape sequences, and a way to type.

    `process` has unbuffered pipes (`bufsize=0`); `echo` receives all output immediately.
    """

    def __init__(self, process: subprocess.Popen[bytes], echo: Callable[[str], None] | None = None) -> None:
        self._process = process
        self._echo = echo
        self._text = ""
        self._seen = 0
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def text(self) -> str:
        """Everything that the guest has written so far."""
        return self._text

    def expect(self, pattern: str, timeout: float) -> re.Match[str]:
        """Wait until `pattern` matches in the text after the last match, and return the match.

        Raises `ConsoleError` after `timeout` seconds, or if the machine ends.
        """
        deadline = time.monotonic() + timeout
        wanted = re.compile(pattern, re.MULTILINE)
        with self._changed:
            while True:
                match = wanted.search(self._text, self._seen)
                if match:
                    self._seen = match.end()
                    return match
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = "the machine ended" if self._ended else f"no match in {timeout:g} s"
                    raise ConsoleError(f"waited for {pattern!r} on the console: {why}\n{self.tail()}")
                self._changed.wait(min(left, 1.0))

    def send(self, text: str) -> None:
        """Type `text`."""
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(text.encode())
        except OSError:
            raise ConsoleError(f"cannot type {text!r}: the machine ended\n{self.tail()}") from None

    def wait_off(self, timeout: float) -> int:
        """Wait until the machine is off and return QEMU's exit code."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise ConsoleError(f"still on after {timeout:g} s\n{self.tail()}") from None
        self._reader.join()
        return code

    def stop(self) -> None:
        """Cut the power."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def tail(self) -> str:
        """Return the last lines that the guest wrote, for messages."""
        lines = self.text.splitlines()[-_TAIL:]
        return "\n".join(["--- last lines of the console ---", *lines, "---"])

    def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        escapes = EscapeFilter()
        while chunk := stdout.read(65536):
            text = decoder.decode(chunk)
            if self._echo is not None:
                self._echo(text)
            with self._changed:
                self._text += escapes.feed(text)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


@contextmanager
def running(machine: Machine, echo: Callable[[str], None] | None = None) -> Iterator[Console]:
    """Run `machine` until the block ends; QEMU never outlives the block.

    Raises `MissingToolError` if QEMU or its firmware is not installed.
    """
    host.find_qemu(machine.architecture)
    firmware = host.find_firmware(machine.architecture, machine.variables) if machine.firmware else None
    words = command_line(machine, firmware)
    with subprocess.Popen(
        words, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        console = Console(process, echo)
        try:
            yield console
        finally:
            console.stop()
