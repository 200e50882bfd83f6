"""The graphs of whole build files, byte for byte: a change of a plan shows in the diff of a golden file."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

import llb
from frontend.config import Arguments, load
from frontend.config.decode.shapes import ChoiceShape, ListShape, MapShape, ObjectShape, Shape, object_shape
from proto import ops_pb2
from spec.document import Spec
from tests.support.fake_client import FakeClient
from tests.support.golden import check_golden
from tests.support.places import GOLDEN, ROOT
from tests.support.whole_request import BOOTABLE, ask

FOLDER = GOLDEN / "plan"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


INCLUDED = b"""\
files: {/etc/own: "not this\\n", /etc/included: "by ${VERSION}\\n"}
packages: [less]
"""
OPTIONS: dict[str, dict[str, str]] = {
    "language": {"build-arg:VERSION": "2.0", "build-arg:CLAYLINUX_PROFILE": "small"},
    "platforms": {"target": "image"},
    "secure-boot-tbs": {"target": "tbs"},
    "update-pieces": {"target": "update"},
}


def request(case: str, text: str) -> FakeClient:
    """Return the client of a build of `text`, with all that the build file of the case asks for."""
    files = {
        "tree": b"",
        "tree/acme_1.0_amd64.deb": b"",
        "key": b"",
        "common.yaml": INCLUDED,
        **{f"keys/{name}.auth": b"" for name in ("PK", "KEK", "db")},
        "/uki.json": b'{"size": 1000}',
        "/uki.pieces": b"claylinux-update 1\npiece aa 0 512\npiece bb 512 9\npiece aa 1024 512\n",
    }
    made = llb.marshal(llb.image("debian:trixie", name="[rootfs 1/1] FROM debian:trixie"))
    client = FakeClient(outputs={**BOOTABLE, **files}, folders=frozenset({"tree"}), other_frontend=made)
    options = {"context:other": "local:other", **OPTIONS.get(case, {})}
    client = ask(text, client, **options)
    assert client.error is None, client.error
    return client


def graph(case: str) -> str:
    """Return the dump of the graph that makes the result, one for each platform, and the result."""
    client = request(case, (FOLDER / f"{case}.yaml").read_text())
    assert client.result is not None
    refs = client.result.refs.values() or [client.result.ref]
    dumps = sorted(llb.dump(client.solved[int(ref.id)]) for ref in refs if ref)
    result = [f"{key}: {value.decode()}\n" for key, value in sorted(client.result.metadata.items())]
    for name, asked, _ in client.delegated:
        result.append(f"asked of {name}: {json.dumps(asked, sort_keys=True)}\n")
    return "\n".join([*dumps, "".join(["result\n", *result])])


def key(model: type[Any], field: str) -> str:
    """Return the name of a key by the class that brings it: what all interfaces have counts once."""
    owner = next(each for each in reversed(model.__mro__) if field in getattr(each, "__annotations__", {}))
    return f"{owner.__name__}.{field}"


def written(value: object) -> Iterator[str]:
    """Walk a value of the model: every key in it that is not its default."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple):
        for item in value:
            yield from written(item)
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return
    for field in dataclasses.fields(value):
        inner = getattr(value, field.name)
        if field.default_factory is dataclasses.MISSING or inner != field.default_factory():
            yield key(type(value), field.name)
            yield from written(inner)


def known(shape: Shape) -> Iterator[str]:
    """Walk the shape of the language: every key."""
    match shape:
        case ListShape(item=inner) | MapShape(value=inner):
            yield from known(inner)
        case ChoiceShape():
            for variant in shape.variants.values():
                yield from known(variant)
        case ObjectShape():
            for field in shape.fields.values():
                yield key(shape.model, field.field)
                yield from known(field.shape)
        case _:
            pass  # a single value


def test_every_key_is_in_a_graph() -> None:
    found = set()
    for case in CASES:
        given = {key.removeprefix("build-arg:"): value for key, value in OPTIONS.get(case, {}).items()}
        arguments = Arguments(given=given, platform={"TARGETARCH": "amd64"})
        found |= set(written(load((FOLDER / f"{case}.yaml").read_bytes(), case, arguments, lambda path: INCLUDED)))
    # Profiles are part of the rest by then, and the version of netplan's words has only one value.
    assert set(known(object_shape(Spec))) - found == {"Spec.profiles", "Network.version"}


@pytest.mark.parametrize("case", CASES)
def test_graph(case: str, update_golden: bool) -> None:
    check_golden(FOLDER / f"{case}.txt", graph(case), update=update_golden)


@pytest.mark.slow
def test_graphs_do_not_depend_on_the_hash_seed() -> None:
    program = "from tests.unit.frontend.plan.test_golden import graph; print(graph('full'))"
    dumps = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(dumps) == 1


@pytest.mark.parametrize("case", CASES)
def test_a_step_of_several_requests_knows_the_name_of_each(case: str) -> None:
    definitions = request(case, (FOLDER / f"{case}.yaml").read_text()).solved
    for definition in definitions:
        ops = [ops_pb2.Op.FromString(data) for data in getattr(definition.to_pb(), "def")]
        steps = [[*op.exec.meta.args] for op in ops if op.HasField("exec")]
        requests = sorted(args.count("then") + 1 for args in steps if args[1:3] == ["-m", "imager"])
        assert sorted(len(each.parts) for each in definition.vertices.values() if each.parts) == requests
