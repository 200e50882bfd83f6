"""The only way to run external programs."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from imager.core.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
_PIPE = 1 << 20
"""The size of a filter's pipe. With 64 KiB, the default, the processes switch more often: 4 % more CPU time."""

_OUTPUT = 1 << 20
"""The bytes that a program may print whose output is kept in memory."""


@contextmanager
def filter_to(argv: Sequence[str], output: int, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run `argv` with its standard output on `output`; yield the descriptor of its standard input.

    At the end of the block, close the input and wait for the program. Raises ToolError with the program's own
    message. The program does not inherit the caller's environment, so that no variable changes the bytes; it gets
    only the variables in `environment`.
    """
    said = os.memfd_create("stderr")
    try:
        process = _start(argv, output, said, environment or {})
        assert process.stdin is not None
        with suppress(OSError):  # the user may have reached the limit for pipe buffers: keep the default size
            fcntl.fcntl(process.stdin, fcntl.F_SETPIPE_SZ, _PIPE)
        try:
            yield process.stdin.fileno()
        except BrokenPipeError:
            pass  # it ended early: its own message, below, says why
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            process.stdin.close()
        if code := process.wait():
            words = _read(said)
            if os.strerror(errno.ENOSPC) in words:
                raise OSError(errno.ENOSPC, words)
            raise ToolError(describe(argv, code, words))
    finally:
        os.close(said)


def run(argv: Sequence[str], *, source: int | None = None, limit: int = _OUTPUT, memory: int | None = None) -> bytes:
    """Run `argv` to its end and return its standard output; raises ToolError with the program's own message.

    `source`: the file that it reads, from its start. It may write `limit` bytes and use `memory` bytes.
    """
    said = os.memfd_create("stderr")
    if source is not None:
        os.lseek(source, 0, os.SEEK_SET)
    stdin = subprocess.DEVNULL if source is None else source
    try:
        with _start(argv, subprocess.PIPE, said, {}, stdin) as process:
            if memory is not None:
                resource.prlimit(process.pid, resource.RLIMIT_AS, (memory, memory))
            assert process.stdout is not None
            made = process.stdout.read(limit + 1)
            if len(made) > limit:
                process.kill()
                raise ToolError(f"{argv[0]} made more than {limit:,} bytes")
        if process.returncode:
            raise ToolError(describe(argv, process.returncode, _read(said)))
        return made
    finally:
        os.close(said)


def describe(argv: Sequence[str], code: int, said: str) -> str:
    """Return one line that explains the exit `code` of `argv` (negative: a signal)."""
    if code == 127:
        reason = "the program or one of its libraries is not installed"
    elif code < 0:
        reason = f"killed by {signal.Signals(-code).name}"
        if -code == signal.SIGKILL:
            reason += ", probably because the builder ran out of memory"
    else:
        reason = f"exit code {code}"
    words = " ".join(said.split())
    return f"{argv[0]} failed ({reason})" + (f": {words}" if words else "")


def _start(
    argv: Sequence[str], output: int, said: int, more: Mapping[str, str], source: int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(argv, stdin=source, stdout=output, stderr=said, env={**_ENVIRONMENT, **more})
    except FileNotFoundError:
        raise ToolError(f"the program {argv[0]} is not installed") from None


def _read(fd: int) -> str:
    os.lseek(fd, 0, os.SEEK_SET)
    return os.read(fd, 4096).decode(errors="replace")
