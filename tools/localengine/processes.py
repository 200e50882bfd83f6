"""Which processes belong to an engine, and how to end one."""

import os
import re
import select
import signal
from contextlib import suppress
from pathlib import Path

from localengine.places import Places

STOP_SECONDS = 30.0
_KILL_SECONDS = 5.0
_PROC = Path("/proc")


def daemons(places: Places) -> list[int]:
    """The dockerd of `places`, its containerd and shims: programs of its own whose arguments name its own places.

    A shell or an editor that only mentions such a path is none of them.
    """
    return [pid for pid in _all() if _is_daemon(pid, places)]


def orphans(places: Places) -> list[int]:
    """Build steps whose engine is gone: their root lies in the data root."""
    root = rf"(?m)^\d+ \d+ \S+ \S+ / .* - overlay \S+ \S*upperdir={re.escape(str(places.data_root))}/"
    found = [pid for pid in _all() if re.search(root.encode(), _read(pid, "mountinfo"))]
    # Inside a container of another engine with the same paths, this would be all of us.
    return [] if os.getpid() in found else found


def end(pid: int) -> None:
    """Stop a process, at first politely."""
    for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, _KILL_SECONDS)):
        if kill(pid, number, wait=seconds):
            return


def kill(pid: int, number: int = signal.SIGKILL, *, wait: float = 0.0) -> bool:
    """Send a signal; whether the process ended within `wait` seconds. It is held by a handle: no other gets its pid."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)
        ended = select.poll()
        ended.register(handle, select.POLLIN)
        return bool(ended.poll(wait * 1000))
    finally:
        os.close(handle)


def _is_daemon(pid: int, places: Places) -> bool:
    try:
        program = (_PROC / str(pid) / "exe").readlink()
    except OSError:
        return False
    if not program.is_relative_to(places.prefix.resolve()):
        return False
    words = _read(pid, "cmdline").decode(errors="replace").split("\0")
    values = [Path(word.partition("=")[2] if word.startswith("--") else word) for word in words]
    return any(value.is_relative_to(places.exec_root) or value == places.pidfile for value in values)


def _all() -> list[int]:
    return sorted(int(entry.name) for entry in _PROC.glob("[0-9]*"))


def _read(pid: int, name: str) -> bytes:
    try:
        return (_PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""
