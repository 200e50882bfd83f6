"""The steps of a build as `docker buildx build --progress=rawjson` tells of them: where the time goes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from measure import table

SHOWN = 0.01
"""Steps that take less, in seconds, are left out of tables."""


@dataclass(frozen=True)
class Vertex:
    """One step: when it began, in seconds since the client was started, and how long it took."""

    name: str
    start: float
    seconds: float
    cached: bool


def parse(log: str, epoch: float) -> tuple[Vertex, ...]:
    """Read a log, in the order in which the steps began. `epoch` is the Unix time when the client was started.

    A step that the engine looked at several times counts from the first time to the last.
    """
    first: dict[str, float] = {}
    found: dict[str, Vertex] = {}
    for status in objects(log):
        for each in status.get("vertexes") or ():
            if not each.get("started") or not each.get("completed"):
                continue
            start = first.setdefault(each["digest"], seconds(each["started"]))
            end, cached = seconds(each["completed"]), bool(each.get("cached"))
            found[each["digest"]] = Vertex(each["name"], start - epoch, end - start, cached)
    return tuple(sorted(found.values(), key=lambda vertex: vertex.start))


def objects(log: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a log: buildx 0.13 writes one over many lines, later ones each on a line."""
    decoder, at = json.JSONDecoder(), 0
    while (at := log.find("{", at)) >= 0:
        value, at = decoder.raw_decode(log, at)
        yield value


def seconds(stamp: str) -> float:
    """The Unix time of a timestamp."""
    return datetime.fromisoformat(stamp).timestamp()


def waterfall(builds: Sequence[Sequence[Vertex]]) -> str:
    """The steps that took time, medians of several builds of the same steps."""
    starts: dict[str, list[float]] = {}
    lengths: dict[str, list[float]] = {}
    for build in builds:
        for vertex in build:
            starts.setdefault(vertex.name, []).append(vertex.start)
            lengths.setdefault(vertex.name, []).append(vertex.seconds)
    rows = []
    for name in sorted(starts, key=lambda name: median(starts[name])):
        start, length = median(starts[name]), median(lengths[name])
        if length >= SHOWN:
            rows.append((name, f"{start:.2f}", f"{length:.2f}", f"{start + length:.2f}"))
    return table(("a line changed: step", "begins", "takes s", "ends"), rows)
