"""The changes of `tests.campaigns.mutations`, tried in forks of one process: ten times as many in the same time.

A change that survives here may still be noticed where it is in a process of its own: what it prints is to be tried
there, with `--again`. Which tests call what is learned once, and kept in out/mutations/calls: remove it to learn anew.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from tests.campaigns.mutations import PLACE, Result, Sandbox, Suite, again, drawn, told_of
from tests.campaigns.running import parser, rounds
from tests.support.mutants import Mutant
from tests.support.warm_mutants import CALLS, LATE, TODO, UNTRIED

_EVERYWHERE = 1 << 18
"""The lines of a change that runs where its module is imported are more than any file has."""


def campaign(suite: Suite, todo: Iterable[tuple[str, Mutant]]) -> Result:
    """Try changes of files, each in a fork."""
    cases = list(todo)
    rows: list[dict[str, object]] = [
        {"number": number, "path": path, "function": _function(suite, path, mutant), "text": mutant.text}
        for number, (path, mutant) in enumerate(cases)
    ]
    with tempfile.TemporaryDirectory(prefix="mutations-", dir=PLACE) as place:
        ways = _ways(suite, Path(place), rows)
    result = Result(Counter(), [])
    for number, (path, mutant) in enumerate(cases):
        way = ways.get(number, UNTRIED)
        if way not in ("", UNTRIED):
            result.noticed[LATE if way == LATE else "by a test"] += 1
        else:
            result.survivors.append(told_of(path, mutant))
            print(result.survivors[-1], flush=True)
    return result


def _ways(suite: Suite, top: Path, rows: list[dict[str, object]]) -> dict[int, str]:
    """Return how each change was noticed."""
    sandbox, shared = Sandbox(top, suite), top / "shared"
    sandbox.fill()
    shared.mkdir()
    kept = suite.source / "out/mutations/calls"
    calls = shared / "calls"
    if kept.exists():
        shutil.copy(kept, calls)
    (shared / "todo").write_text(json.dumps(rows))
    os.environ.update({TODO: str(shared / "todo"), CALLS: str(calls)})
    done = sandbox.pytest(*suite.asked, "-p", "tests.support.warm_mutants", writable=shared)
    if calls.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(calls, kept)
    if done.returncode:
        raise SystemExit(f"swift_mutations: the tests cannot be run:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    answers = (json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"number"'))
    return {each["number"]: each["way"] for each in answers}


def _function(suite: Suite, path: str, mutant: Mutant) -> str | None:
    """Return the name of the outermost function that has the change; None for what runs with the import."""
    if len(mutant.lines) > _EVERYWHERE or not path.endswith(".py"):
        return None
    return next(_around(ast.parse((suite.source / path).read_text()), mutant.line, ""), None)


def _around(parent: ast.AST, line: int, prefix: str) -> Iterator[str]:
    for node in ast.iter_child_nodes(parent):
        if not isinstance(node, ast.stmt) or not node.lineno <= line <= (node.end_lineno or 0):
            continue
        if isinstance(node, ast.FunctionDef):
            yield f"{prefix}{node.name}"
        else:
            yield from _around(node, line, f"{prefix}{node.name}." if isinstance(node, ast.ClassDef) else prefix)


def main(argv: list[str]) -> int:
    """Run the campaign from the command line; return 1 if a change was not noticed."""
    options = parser("swift_mutations")
    options.add_argument("--count", type=int, default=100, help="how many changes to try (default: 100)")
    options.add_argument("--slow", action="store_true", help="ask slow tests, too")
    options.add_argument("--again", type=Path, help="try those that an earlier run printed into this file instead")
    options.add_argument("paths", nargs="*", help="files and directories to change (default: the product)")
    given = options.parse_args(argv)
    start = time.monotonic()
    suite = Suite(quick=not given.slow)
    sites = suite.sites(tuple(given.paths))
    draws = islice(rounds(given.seconds, given.seed), given.count)
    result = campaign(suite, again(sites, given.again.read_text()) if given.again else drawn(sites, draws))
    print(result.summary(time.monotonic() - start))
    return 1 if result.survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
