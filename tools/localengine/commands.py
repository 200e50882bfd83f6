"""The only way to run other programs, and to turn errors into an exit code."""

import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from localengine.errors import EngineError

_TAIL_LINES = 15
"""The number of lines of a failed program to show."""


def run(argv: list[str], hint: str, env: Mapping[str, str] | None = None) -> str:
    """Return the standard output of a quick command; raise its last lines below `hint` if it fails."""
    try:
        done = subprocess.run(argv, env=env, text=True, capture_output=True, check=False)
    except FileNotFoundError:
        raise EngineError(f"{hint} ({argv[0]} is missing)") from None
    if done.returncode != 0:
        raise EngineError(_failure(hint, (done.stdout + done.stderr).splitlines()))
    return done.stdout


def watch(argv: list[str], hint: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> None:
    """Run a command that takes a while; a terminal shows its current line of output."""
    last: deque[str] = deque(maxlen=_TAIL_LINES)
    try:
        process = subprocess.Popen(
            argv, env=env, cwd=cwd, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except FileNotFoundError:
        raise EngineError(f"{hint} ({argv[0]} is missing)") from None
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            last.append(line.rstrip())
            _show(last[-1])
    _show("")
    if process.returncode != 0:
        raise EngineError(_failure(hint, last))


def exit_code_of(name: str, action: Callable[[], int]) -> int:
    """Return the exit code of `action`, or print its error and return 1."""
    try:
        return action()
    except (EngineError, OSError) as error:
        print(f"{name}: error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted", file=sys.stderr)  # noqa: T201
        return 130


def _show(line: str) -> None:
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 5
        sys.stderr.write(f"\r\033[K{'   ' + line[:width] if line else ''}")
        sys.stderr.flush()


def _failure(hint: str, lines: "list[str] | deque[str]") -> str:
    words = [line for line in lines if line.strip()]
    return "\n".join([hint, *words[-_TAIL_LINES:]])
