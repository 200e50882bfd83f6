"""The steps of a build according to `docker buildx build --progress=rawjson`, to show where the time goes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from measure import table

SHOWN = 0.02
"""Tables omit steps that take less than this number of seconds."""


@dataclass(frozen=True)
class Vertex:
    """One step that was not cached: when it first began, in seconds since the start of the client, and its work."""

    name: str
    start: float
    seconds: float


def parse(log: str, epoch: float) -> tuple[Vertex, ...]:
    """Return the steps in a log, in the order of their start. `epoch` is the Unix time of the client's start.

    The engine may process a step several times; the times are added up.
    """
    names: dict[str, str] = {}
    spans: dict[str, dict[float, float]] = {}
    for status in objects(log):
        for each in status.get("vertexes") or ():
            if each.get("started") and each.get("completed") and not each.get("cached"):
                names[each["digest"]] = each["name"]
                spans.setdefault(each["digest"], {})[seconds(each["started"])] = seconds(each["completed"])
    found = [
        Vertex(names[digest], min(some) - epoch, sum(end - start for start, end in some.items()))
        for digest, some in spans.items()
    ]
    return tuple(sorted(found, key=lambda vertex: vertex.start))


def objects(log: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a log: buildx 0.13 spreads one over many lines, later versions write one per line."""
    decoder, at = json.JSONDecoder(), 0
    while (at := log.find("{", at)) >= 0:
        value, at = decoder.raw_decode(log, at)
        yield value


def seconds(stamp: str) -> float:
    """Return the Unix time of a timestamp."""
    return datetime.fromisoformat(stamp).timestamp()


def waterfall(title: str, builds: Sequence[tuple[float, Sequence[Vertex]]]) -> str:
    """Return the steps that took time, as medians of several builds (seconds, steps) of the same kind.

    The column "before" is the time between the end of the previous step and the start of this one.
    """
    starts: dict[str, list[float]] = {}
    lengths: dict[str, list[float]] = {}
    for _, build in builds:
        for vertex in build:
            starts.setdefault(vertex.name, []).append(vertex.start)
            lengths.setdefault(vertex.name, []).append(vertex.seconds)
    rows, ended = [], 0.0
    for name in sorted(starts, key=lambda name: median(starts[name])):
        start, length = median(starts[name]), median(lengths[name])
        if length >= SHOWN:
            rows.append((name, f"{max(start - ended, 0):.2f}", f"{start:.2f}", f"{length:.2f}"))
        ended = max(ended, start + length)
    whole = median(wall for wall, _ in builds)
    rows.append(("the client ends", f"{max(whole - ended, 0):.2f}", f"{whole:.2f}", ""))
    return table((title, "before", "begins", "takes s"), rows)
