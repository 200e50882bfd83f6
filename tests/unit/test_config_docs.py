"""The schema and the reference page are those of the model, and every example in the model is right."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import frontend.config.model as model
from frontend.config.decode import decode
from frontend.config.diagnostics import Collector
from frontend.config.parse import parse
from frontend.config.schema import json_schema
from frontend.config.shapes import ObjectShape, object_shape

ROOT = Path(__file__).parents[2]
SHAPES = [
    object_shape(each)
    for each in (getattr(model, name) for name in model.__all__)
    if dataclasses.is_dataclass(each) and isinstance(each, type)
]
KEYS = [
    (shape, name)
    for shape in SHAPES
    for name in shape.fields
    if shape.model is not model.KeyText and name != "profiles"
]
"""A whole SSH key would not be readable in the page: its example is cut."""


def test_the_generated_files_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "gen-docs", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("shape", "name"), KEYS, ids=[f"{shape.model.__name__}.{name}" for shape, name in KEYS])
def test_every_example_is_right(shape: ObjectShape, name: str) -> None:
    lines = {field.name: field.key.example for field in shape.fields.values() if field.required or field.name == name}
    text = "".join(f"{key}: {example}\n" for key, example in lines.items())
    problems = Collector()
    root = parse(text + (f"{shape.marker}: true\n" if shape.marker else ""), problems)
    assert root is not None
    value, _ = decode(root, shape, problems)
    assert problems.sorted() == ()
    assert isinstance(value, shape.model)


def objects(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [found for item in schema for found in objects(item)]
    if not isinstance(schema, dict):
        return []
    return [schema, *(found for value in schema.values() for found in objects(value))]


def test_the_schema_has_every_key_of_every_class() -> None:
    schema = json_schema()
    definitions = {**schema["$defs"], "Spec": schema}
    assert {name: set(definition["properties"]) for name, definition in definitions.items()} == {
        shape.model.__name__: set(shape.keys) for shape in SHAPES
    } | {"Profile": set(object_shape(model.Spec).keys) - {"include", "profiles"}}


def test_the_schema_is_sound() -> None:
    schema = json.loads(json.dumps(json_schema()))
    found = objects(schema)
    references = {each["$ref"] for each in found if isinstance(each.get("$ref"), str)}
    own = {f"#/properties/{name}" for name in schema["properties"]} - {"#/properties/include", "#/properties/profiles"}
    assert references == {f"#/$defs/{name}" for name in schema["$defs"]} | own
    for each in found:
        if isinstance(each.get("pattern"), str):
            assert "(?P" not in each["pattern"] and not each["pattern"].startswith("^(?:(?s"), each
            re.compile(each["pattern"])
