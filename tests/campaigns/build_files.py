"""Build files that nobody would write, through a whole request: decode, lint, plan, marshal.

Each one is planned, or refused by a message of printable lines that names line and column: nothing else. None takes
long or much memory, and an interpreter with other hashes gives the same.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import pickle
import re
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn
from unicodedata import category
from unittest import mock

from frontend import app, failure
from frontend.build import background
from frontend.gateway import status as wire
from tests.campaigns.running import Tally, main, rounds
from tests.support.build_files.cases import Case, make
from tests.support.build_files.engine import Engine
from tests.support.fake_client import FakeClient
from tests.support.places import ROOT

BATCH = 200
SECONDS, MEMORY, MESSAGE = 1.0, 100 << 10, 100_000
"""What one input may take: CPU time of the process, KiB, and characters of a message."""
_AGAIN = 40
"""One of so many is done again, in an interpreter with other hashes."""
_PLACE = re.compile(r".+?:[1-9][0-9]*:[1-9][0-9]*: .")
_BUG = re.compile(r"this is a bug in Claylinux.*:\n  (\w+): (.*)\n  \S*?(\w+\.py):(\d+) in (\w+)")


class Inline:
    """A thread that does its work at once: changing between threads costs more than the work, on a busy machine."""

    def __init__(self, *, target: Callable[[], None], daemon: bool) -> None:
        self.start = target


class Pool:
    """An executor that does its work at once."""

    def __init__(self, max_workers: int) -> None:
        pass

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    map = map


class SlowError(BaseException):
    """An input takes longer than any should. Not an `Exception`: the frontend reports those as bugs."""


def campaign(seconds: float, seed: int, inputs: int = 0) -> Tally:
    """Run rounds of `BATCH` cases each."""
    tally = Tally()
    kept: list[tuple[Case, str]] = []
    with prepared():
        for random in rounds(seconds, seed):
            for number in range(BATCH):
                case = make(random)
                said = judge(case, tally)
                if number % _AGAIN == 0:
                    kept.append((case, said))
            if len(kept) >= 500:
                compare(kept, tally)
                kept = []
            if inputs and tally.inputs >= inputs:
                break
    compare(kept, tally)
    return tally


def judge(case: Case, tally: Tally) -> str:
    """Run one case. Return a digest of what it gave."""
    tally.inputs += 1
    memory, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS, SECONDS)
    try:
        client = ask(case)
    except SlowError:
        tally.fail(f"more than {SECONDS} s", repr(case))
        return ""
    except Exception as error:  # noqa: BLE001 - a traceback is what is looked for
        tally.fail(f"traceback: {type(error).__name__} at {_where(error)}", f"{case!r}\n{traceback.format_exc()}")
        return ""
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    took = time.process_time() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    wrong = _wrong(client)
    if wrong is None and took > SECONDS:
        wrong = f"more than {SECONDS} s"
    if wrong is None and grown > MEMORY:
        wrong = "too much memory"
    if wrong:
        tally.fail(wrong, f"{case!r}\n{took:.2f} s, {grown} KiB\n{client.error}\n{client.warned}")
    tally.outcomes[_outcome(case, client)] += 1
    return digest(client)


def ask(case: Case) -> Engine:
    """Send a request and return the client that saw it."""
    client = Engine.of(case)
    app.handle(client, case.environment())
    return client


def digest(client: FakeClient) -> str:
    """Return a digest of the answer: the error, or the graphs and the metadata."""
    parts: list[bytes] = sorted(each.encode(errors="backslashreplace") for each in client.warned)
    if client.error is not None:
        parts.append(client.error.SerializeToString(deterministic=True))
    elif client.result is not None:
        refs = [*([client.result.ref] if client.result.ref else []), *client.result.refs.values()]
        parts += [client.solved[int(ref.id)].to_pb().SerializeToString(deterministic=True) for ref in refs if ref.id]
        parts += [b"%s %s" % (key.encode(), value) for key, value in sorted(client.result.metadata.items())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _wrong(client: FakeClient) -> str | None:
    """Return what is wrong with an answer."""
    if any(_moves(each) or not _PLACE.match(re.sub(r"(:\d+): ", r"\1:1: ", each, count=1)) for each in client.warned):
        return "a warning without a place, or of more than one line"
    if client.error is None:
        return None if client.result is not None else "no answer"
    message = client.error.message
    if bug := _BUG.match(message):
        return f"traceback: {bug[1]} in {bug[3]}:{bug[4]} {bug[5]}"
    if len(message) > MESSAGE:
        return "a long message"
    if any(_moves(line.replace("\t", " ")) for line in message.split("\n")):
        return "a message that moves the cursor"
    placed: list[dict[str, Any]] = [*wire.details(client.error, wire.SOURCE)]
    if not _PLACE.match(message) and not any(each.get("ranges") for each in placed):
        return "a message without a place"
    return None


def _moves(line: str) -> bool:
    """Return whether a line has a character that is not simply shown; joiners are parts of letters."""
    if line.isprintable():
        return False
    return any(category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") for each in line if each not in "\u200c\u200d")


def _outcome(case: Case, client: FakeClient) -> str:
    if client.error is not None:
        return "refused" if _PLACE.match(client.error.message) else "refused by the plan"
    return "answered" if "requestid" in case.options else "planned"


def _where(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"


@contextmanager
def prepared() -> Iterator[None]:
    """Work without threads; open the last door for messages, so that earlier ones are tried; stop what is slow."""

    def stop(*_: object) -> NoReturn:
        raise SlowError

    gc.freeze()
    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        with (
            mock.patch.object(app, "ThreadPoolExecutor", Pool),
            mock.patch.object(background, "Thread", Inline),
            mock.patch.object(failure, "_shown", str),
        ):
            yield
    finally:
        signal.signal(signal.SIGVTALRM, before)


def compare(kept: list[tuple[Case, str]], tally: Tally) -> None:
    """Run cases again in another interpreter, and compare what they give."""
    code = "from tests.campaigns.build_files import again; again()"
    environment = {**os.environ, "PYTHONHASHSEED": "1234"}
    sent = pickle.dumps([case for case, _ in kept])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, input=sent, capture_output=True, check=True
    )
    for (case, said), other in zip(kept, json.loads(done.stdout), strict=True):
        if said and said != other:
            tally.fail("another result with other hashes", repr(case))


def again() -> None:
    """Run the cases that come on stdin, and print what they give."""
    with prepared():
        sys.stdout.write(json.dumps([judge(case, Tally()) for case in pickle.loads(sys.stdin.buffer.read())]))


if __name__ == "__main__":
    sys.exit(main("build_files", campaign, sys.argv[1:]))
