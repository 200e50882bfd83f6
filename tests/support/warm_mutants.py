"""A pytest plugin that tries changes in a process that has imported everything: a fork for each.

A fork puts the change into the objects that all modules share, and over the file for the programs that tests start.
Then it runs the tests that call the changed code until one fails. That takes as long as those tests; a new process
would take seconds to start, and a measurement of lines minutes.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.support.replacing import Replacing, name_of

TODO, CALLS = "CLAYLINUX_MUTANTS", "CLAYLINUX_CALLS"
"""Variables with places of files: the changes to try, and which functions each test calls, which grows by new tests."""
LATE = "only by the time limit"
UNTRIED = "not tried"
_MOST = 60
"""Seconds of CPU time for all tests of a change, after which it was noticed by nobody."""
_PATIENCE = 5
"""How much longer than its CPU time a fork may take."""
_SIGNS = ("Timeout", "timed out", "DeadlineExceeded", "too_slow")
"""What a test says that may fail because the machine is busy."""
_OWN_MOUNTS, _BIND = 0x20000, 4096
"""CLONE_NEWNS and MS_BIND (unshare(2), mount(2))."""
_OUT = os.dup(1)  # before pytest takes it


class Calls:
    """Which tests call a function, and the seconds that each takes."""

    def __init__(self, place: Path, items: dict[str, pytest.Item]) -> None:
        self._tests: defaultdict[str, list[str]] = defaultdict(list)
        self._seconds: dict[str, float] = {}
        for test, seconds, functions in map(json.loads, place.read_text().splitlines()):
            if test in items and functions is not None:
                self._seconds[test] = seconds
                for each in functions:
                    self._tests[each].append(test)

    def of(self, path: str, functions: Iterable[str]) -> list[str]:
        """Return the tests of functions, fast ones first; then those in the directory named like that of the file,
        or like the nearest above it.

        What a test starts as a program calls more than the test itself does.
        """
        directory = f"tests/unit/{path.rpartition('/')[0]}"
        near: list[str] = []
        while not near and directory != "tests/unit":
            near = [test for test in self._seconds if test.partition("::")[0].rpartition("/")[0] == directory]
            directory = directory.rpartition("/")[0]
        called = {test for each in functions for test in self._tests.get(each, ())}
        return [*dict.fromkeys((*self._in_order(called), *self._in_order(near)))]

    def _in_order(self, tests: Iterable[str]) -> list[str]:
        return sorted(tests, key=lambda test: (self._seconds[test], test))


def pytest_runtestloop(session: pytest.Session) -> bool:
    root = f"{session.config.rootpath}/"
    items = {item.nodeid: item for item in session.items}
    place = Path(os.environ[CALLS])
    known = {json.loads(line)[0] for line in place.read_text().splitlines()} if place.exists() else set()
    place.touch()
    if new := [item for name, item in items.items() if name not in known]:
        _in_fork(partial(_learn, new, root, place), 3600)
    calls = Calls(place, items)
    todo = json.loads(Path(os.environ[TODO]).read_text())
    _import({each["path"] for each in todo})
    replacing = Replacing(root)
    for each in todo:
        way = _way(each, root, replacing, calls, items)
        os.write(_OUT, (json.dumps({"number": each["number"], "way": way}) + "\n").encode())
    return True


def _way(change: dict[str, Any], root: str, replacing: Replacing, calls: Calls, items: dict[str, pytest.Item]) -> str:
    """Return how a change is noticed; empty if it is not."""
    path, text = change["path"], change["text"]
    try:
        replaced = replacing.of(path, change["function"], text) if path.endswith(".py") else None
    except Exception as error:  # noqa: BLE001  # the changed module cannot be imported
        return f"by {type(error).__name__}"
    tests = calls.of(path, replaced.functions if replaced else ())
    work = [partial(_cover, f"{root}{path}", text), *(replaced.work if replaced else ())]
    return _in_fork(partial(_try, work, [items[test] for test in tests]), _MOST * 2) if tests else UNTRIED


def _try(work: list[Callable[[], object]], items: list[pytest.Item]) -> str:
    try:
        for each in work:
            each()
    except ValueError:  # a function has other variables of those around it
        return UNTRIED
    end = time.process_time() + _MOST
    for item, following in pairwise([*items, None]):
        assert item is not None
        told = [
            str(report.longrepr) for report in runtestprotocol(item, log=False, nextitem=following) if report.failed
        ]
        if told:
            return LATE if any(sign in each for sign in _SIGNS for each in told) else f"by {item.nodeid}"
        if time.process_time() > end:
            break
    return ""


def _cover(place: str, text: str) -> None:
    """Put a changed file over another, for this process and those that it starts."""
    new = Path(f"/tmp/mutant-{os.getpid()}")
    new.write_text(text)
    new.chmod(Path(place).stat().st_mode & 0o7777)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_OWN_MOUNTS) or libc.mount(bytes(new), place.encode(), None, _BIND, None):
        raise OSError(ctypes.get_errno(), "the change cannot be put into its file")


def _learn(items: list[pytest.Item], root: str, place: Path) -> str:
    """Add a line for each test: its name, its seconds, and the functions of the product that it calls."""
    seen: set[CodeType] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            seen.add(frame.f_code)

    with place.open("a") as file:
        for item, following in pairwise([*items, None]):
            assert item is not None
            seen.clear()
            start = time.process_time()
            threading.setprofile(note)
            sys.setprofile(note)
            reports = runtestprotocol(item, log=False, nextitem=following)
            sys.setprofile(None)
            seconds = round(time.process_time() - start, 3)
            names = {name_of(code, root) for code in list(seen) if code.co_filename.startswith(root)}
            # A test that fails here needs a process of its own.
            own = (
                None if any(each.failed for each in reports) else sorted(each for each in names if "tests/" not in each)
            )
            file.write(json.dumps([item.nodeid, seconds, own]) + "\n")
            file.flush()
    return ""


def _import(paths: Iterable[str]) -> None:
    for path in sorted(each for each in paths if each.endswith(".py")):
        with suppress(Exception):
            importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


def _in_fork(work: Callable[[], str], seconds: int) -> str:
    """Return what work returns in a process of its own, which has so many seconds of CPU time."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        said = "by its end"
        try:
            os.setpgid(0, 0)
            null = os.open(os.devnull, os.O_RDWR)
            for each in range(3):
                os.dup2(null, each)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            said = work()
        except BaseException as error:  # noqa: BLE001  # whatever it is, the change made it
            said = f"by {type(error).__name__}"
        finally:
            os.write(writer, b"=" + said.encode())
            os._exit(0)
    os.close(writer)
    end = time.monotonic() + seconds * _PATIENCE
    while time.monotonic() < end and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        time.sleep(0.01)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # with what it started
    os.waitpid(child, 0)
    os.set_blocking(reader, False)
    answer = next(_pieces(reader), b"")
    os.close(reader)
    return answer[1:].decode(errors="replace") if answer else LATE


def _pieces(reader: int) -> Iterator[bytes]:
    with suppress(BlockingIOError):
        yield os.read(reader, 1 << 16)
