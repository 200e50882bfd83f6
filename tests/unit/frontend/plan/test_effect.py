"""No key without an effect: a build file that leaves one out asks for something else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from frontend.config import Arguments, load
from spec.document import Spec
from tests.unit.frontend.plan.test_golden import CASES, FOLDER, INCLUDED, OPTIONS, key, request

READ_BEFORE = {"Spec.args", "Spec.include"}
"""What they say is in the values of other keys."""
JUDGED_LATER = {"Kernel.version", "Limits.ram", "Limits.uki"}
"""They are compared with what the build finds: see tests/unit/frontend/test_app.py."""


def asked(case: str, spec: Spec, monkeypatch: pytest.MonkeyPatch) -> object:
    """Return all that BuildKit is asked for, and told, by a build of `spec`."""
    monkeypatch.setattr("frontend.config.load", lambda *_: spec)
    try:
        client = request(case, "base: debian")
    except AssertionError as error:
        return str(error)
    assert client.result is not None
    graphs = [
        (list(getattr(each.to_pb(), "def")), [vertex.name for vertex in each.vertices.values()])
        for each in client.solved
    ]
    return sorted(graphs), client.result.metadata, client.delegated, client.warned


def without(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield each key that is written somewhere in `value`, and the value without it."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from ((each, MappingProxyType({**value, name: other})) for each, other in without(inner))
    elif isinstance(value, tuple):
        for number, inner in enumerate(value):
            yield from ((each, (*value[:number], other, *value[number + 1 :])) for each, other in without(inner))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            inner = getattr(value, field.name)
            if "key" not in field.metadata:
                continue
            for each, other in without(inner):
                yield each, dataclasses.replace(value, **{field.name: other})
            if field.default_factory is not dataclasses.MISSING and inner != field.default_factory():
                yield key(type(value), field.name), dataclasses.replace(value, **{field.name: field.default_factory()})


@pytest.mark.slow
def test_every_key_has_an_effect(monkeypatch: pytest.MonkeyPatch) -> None:
    effective: set[str] = set()
    written: set[str] = set()
    for case in CASES:
        given = {name.removeprefix("build-arg:"): value for name, value in OPTIONS.get(case, {}).items()}
        arguments = Arguments(given=given, platform={"TARGETARCH": "amd64"})
        spec = load((FOLDER / f"{case}.yaml").read_bytes(), case, arguments, lambda path: INCLUDED)
        before = asked(case, spec, monkeypatch)
        for name, other in without(spec):
            written.add(name)
            if name not in effective and asked(case, other, monkeypatch) != before:
                effective.add(name)
    assert written - effective == READ_BEFORE | JUDGED_LATER
