"""The schema and the reference page are those of the model, and every example in the model is right."""

from __future__ import annotations

import dataclasses
import json
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest

import spec
from frontend.config.decode.decoder import decode
from frontend.config.decode.shapes import ObjectShape, object_shape
from frontend.config.docs.names import names
from frontend.config.docs.reference import reference_page
from frontend.config.docs.schema import json_schema
from frontend.config.syntax.diagnostics import Collector
from frontend.config.syntax.parse import parse
from spec.accounts import KeyText
from spec.document import Spec
from spec.network import Interface
from tests.support.places import ROOT


def is_key_mapping(model: type[Any]) -> bool:
    """Tell whether a class is a mapping of the file, and no base of such classes."""
    keys = dataclasses.is_dataclass(model) and any("key" in field.metadata for field in dataclasses.fields(model))
    return keys and model is not Interface


SHAPES = [
    object_shape(each)
    for module in pkgutil.iter_modules(spec.__path__, "spec.")
    for each in vars(import_module(module.name)).values()
    if isinstance(each, type) and each.__module__ == module.name and is_key_mapping(each)
]
KEYS = [(shape, name) for shape in SHAPES for name in shape.fields if shape.model is not KeyText and name != "profiles"]
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
    } | {"Profile": set(object_shape(Spec).keys) - {"include", "profiles"}}


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


def test_every_link_of_the_reference_page_leads_somewhere() -> None:
    page = reference_page()
    headings = re.findall(r"^##+ (.*)$", page, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert len(anchors) == len(headings)
    values = re.findall(r'<a id="([^"]+)">', page)
    links = set(re.findall(r"\]\(#([^)]+)\)", page))
    assert links <= {*anchors, *values}
    assert set(values) <= links
    assert not set(values) & anchors and len(set(values)) == len(values)


def test_no_two_kinds_of_values_have_the_same_name() -> None:
    assert len(set(names().values())) == len(names())
