"""The gateway against an engine that answers nonsense, over real HTTP/2.

Whatever an answer is, the frontend ends: with a result where the nonsense does not matter, or with one clear error. It
never shows a traceback, never hangs, and needs little memory. Where nobody answers any more, it ends as soon as the
connection does, as in a build that is cancelled.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from frontend.app import handle
from frontend.errors import FrontendError
from frontend.gateway.bridge import Bridge
from frontend.gateway.transport import open_channel
from tests.campaigns.running import Tally, main, rounds
from tests.support.build_files.cases import Case
from tests.support.build_files.engine import Engine
from tests.support.memory import peak
from tests.support.nonsense_engine import KINDS, NonsenseEngine, Script
from tests.support.places import ROOT

BATCH = 40
SECONDS, CPU, MEMORY, MESSAGE = 60.0, 5.0, 300 << 10, 200_000
"""What one request may take: time on a busy machine, CPU time, KiB of its process, characters of a message."""
_PROCESSES = 20
"""One of so many requests meets a frontend in a process of its own."""
_BUG = re.compile(r"this is a bug in Claylinux.*:\n  (\w+): (.*)\n  \S*?(\w+\.py):(\d+) in (\w+)")
_REQUESTS: tuple[tuple[str, dict[str, str]], ...] = (
    ("base: debian\nfiles: {/etc/motd: hi}\nmounts: {/srv: {device: LABEL=A}}\n", {}),
    ("base: {image: x}\npackages: [a]\nfiles: {/etc/x: {source: files/motd}, /y: {source: b, image: z}}\n", {}),
    ("base: {dockerfile: Dockerfile}\nkernel: {modules: {load: [a]}}\n", {}),
    ("base: {context: other}\nrootfs: {mode: overlay}\n", {}),
    ("base: debian\nlimits: {uki: 100, ram: 1G}\noutputs: [raw, iso, efi]\n", {}),
    ("base: debian\nlimits: {uki: 1G}\nrun: [{script: x, mounts: ['from=no,target=/x', 'type=secret,id=a']}]\n", {}),
    ("include: [a.yaml]\nname: x\n", {}),
    ("base: debian\nrootfs: {flatten: true}\n", {"target": "report"}),
    ("base: alpine\npackages: [x]\nmounts: {/srv: {tmpfs: true}}\n", {"target": "image"}),
    ("base: debian\npackages: [x]\n", {"platform": "linux/amd64,linux/arm64"}),
    ("base: debian\npakages: [x]\n", {}),
    ("base: debian\n", {"requestid": "frontend.lint"}),
)


def campaign(seconds: float, seed: int, inputs: int = 0) -> Tally:
    """Run rounds of `BATCH` requests each."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as top:
        engine = NonsenseEngine(Path(top))
        try:
            for random in rounds(seconds, seed):
                for _ in range(BATCH):
                    judge(engine, random, tally)
                if inputs and tally.inputs >= inputs:
                    break
        finally:
            engine.stop()
    return tally


def judge(engine: NonsenseEngine, random: Random, tally: Tally, how: str = "", process: bool | None = None) -> None:
    """Run one request."""
    text, options = random.choice(_REQUESTS)
    case = Case(
        text.encode(),
        {"a.yaml": b"base: debian\n"},
        {"filename": "claylinux.yaml", "context:other": "local:o", **options},
    )
    how = how or random.choice(KINDS)
    first, many = random.randrange(_calls(engine, case)), random.choice((1, 1, 1, 3, 99))
    engine.script = script = Script(random, how, first, many, Engine.of(case))
    alone = random.randrange(_PROCESSES) == 0 if process is None else process
    start = time.process_time()
    if alone:
        peak, wrong = _in_process(engine, script, case)
        tally.peaks["frontend"] = max(tally.peaks.get("frontend", 0), peak)
    else:
        wrong = _in_thread(engine, script, case)
    if wrong is None and not alone and time.process_time() - start > CPU:
        wrong = "more CPU time than any request should take"
    wrong = wrong or _wrong(script)
    tally.inputs += 1
    tally.outcomes[_outcome(script)] += 1
    if wrong:
        said = "\n".join(str(each)[:3000] for each in script.returned)
        tally.fail(f"{how}: {wrong}", f"{case}\n{script.spoilt[:3]} of {script.calls}\n{said}")


_known: dict[str, int] = {}


def _calls(engine: NonsenseEngine, case: Case) -> int:
    """Return how many calls a request makes to an honest engine."""
    key = repr(case)
    if key not in _known:
        engine.script = script = Script(Random(0), "nothing", 0, 0, Engine.of(case))
        assert _in_thread(engine, script, case) is None
        _known[key] = len(script.calls)
    return _known[key]


def _in_thread(engine: NonsenseEngine, script: Script, case: Case) -> str | None:
    """Run the frontend in this process; return what is wrong with its end."""
    end: list[BaseException | None] = []
    over = threading.Event()
    with _connection(engine, script) as pipe:
        channel = open_channel(os.dup(pipe.fileno()), os.dup(pipe.fileno()))

        def request() -> None:
            try:
                handle(Bridge(channel), case.environment())
                end.append(None)
            except BaseException as error:  # noqa: BLE001 - a traceback is what is looked for
                end.append(error)
            over.set()

        with _loud() as said:
            threading.Thread(target=request, daemon=True).start()
            ended = _wait(script, over.wait)
            channel.close()
    if not ended:
        return "it does not end"
    if end[0] is not None and not isinstance(end[0], FrontendError):
        return f"traceback: {type(end[0]).__name__} {traceback.format_tb(end[0].__traceback__)[-1]}"
    return f"traceback: {said[0]}" if said else None


def _in_process(engine: NonsenseEngine, script: Script, case: Case) -> tuple[int, str | None]:
    """Run the frontend like BuildKit does; return the most memory it needed, in KiB, and what is wrong with its end."""
    with _connection(engine, script) as pipe, tempfile.TemporaryFile() as log:
        environment = {**os.environ, **case.environment()}
        process = subprocess.Popen(
            [sys.executable, "-m", "frontend"],
            cwd=ROOT,
            env=environment,
            stdin=pipe.fileno(),
            stdout=pipe.fileno(),
            stderr=log.fileno(),
        )
        most = 0

        def wait(seconds: float) -> bool:
            nonlocal most
            last = time.monotonic() + seconds
            while process.poll() is None and time.monotonic() < last:
                most = max(most, peak(process.pid))
                time.sleep(0.005)
            return process.returncode is not None

        if not _wait(script, wait):
            process.kill()
            process.wait()
            return most, "its process does not end"
        log.seek(0)
        said = log.read().decode(errors="replace")
    if process.returncode not in (0, 1):
        return most, f"its process ended with {process.returncode}"
    if "Traceback" in said or "this is a bug" in said:
        return most, f"traceback: {said[-300:]}"
    return most, f"{most >> 10} MiB in its process" if most > MEMORY else None


def _wait(script: Script, ended: Callable[[float], bool]) -> bool:
    """Wait for the end of the frontend. Where nobody answers it, end the connection."""
    last = time.monotonic() + SECONDS
    while time.monotonic() < last:
        if ended(0.05):
            return True
        if script.how == "silence" and script.spoilt:
            script.hang_up()
            script.over.set()
            return ended(SECONDS)
    script.hang_up()
    script.over.set()
    ended(SECONDS)
    return False


@contextmanager
def _connection(engine: NonsenseEngine, script: Script) -> Iterator[socket.socket]:
    with engine.connect() as pipe:
        script.hang_up = lambda: pipe.shutdown(socket.SHUT_RDWR)
        try:
            yield pipe
        finally:
            script.over.set()


@contextmanager
def _loud() -> Iterator[list[str]]:
    """Collect what libraries log, and what ends threads."""
    said: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(f"{record.name}: {record.getMessage()[:200]}")

    handler, hook = Handler(logging.WARNING), threading.excepthook
    logging.getLogger("grpc").addHandler(handler)
    threading.excepthook = lambda seen: said.append(f"{seen.exc_type.__name__} in {seen.thread}")
    try:
        yield said
    finally:
        logging.getLogger("grpc").removeHandler(handler)
        threading.excepthook = hook


def _wrong(script: Script) -> str | None:
    """Return what is wrong with the answer of the frontend."""
    if not script.returned:
        gone = script.how in ("hang up", "silence")
        return None if gone and script.spoilt else "no answer"
    if len(script.returned) > 1:
        return "two answers"
    answer = script.returned[0]
    if not answer.HasField("error"):
        return None
    message = answer.error.message
    if bug := _BUG.match(message):
        return f"traceback: {bug[1]} in {bug[3]}:{bug[4]} {bug[5]}"
    if answer.error.code == 0 or not message.strip():
        return "an error that says nothing"
    if len(message) > MESSAGE:
        return "a long message"
    if any(not line.replace("\t", " ").isprintable() for line in message.split("\n")):
        return "a message that moves the cursor"
    return None


def _outcome(script: Script) -> str:
    if not script.returned:
        return "gone"
    if script.returned[0].HasField("error"):
        return "told"
    return "not noticed" if script.spoilt else "built"


if __name__ == "__main__":
    sys.exit(main("nonsense_engine", campaign, sys.argv[1:]))
