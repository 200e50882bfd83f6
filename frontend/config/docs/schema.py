"""The language as JSON Schema 2020-12, for editors, generated from the shapes of the decoder.

The schema cannot express all rules. It accepts values that the decoder refuses, but never the other way round. Builds
do not import this module.
"""

from __future__ import annotations

from typing import Any

import yaml

from frontend.config.decode.shapes import (
    ChoiceShape,
    FieldShape,
    ListShape,
    MapShape,
    ObjectShape,
    ScalarShape,
    Shape,
    object_shape,
)
from spec.document import Spec
from spec.values.kinds import Kind, Number, Switch, Text

_EXTENSIONS = {"^x-": True}
_ARGUMENT = {"type": "string", "pattern": r"\$\{"}
"""A value with an argument."""


def json_schema() -> dict[str, Any]:
    """Return the schema of a whole build file."""
    definitions: dict[str, Any] = {}
    root = _definition(object_shape(Spec), definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "claylinux.yaml",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }


def _schema(shape: Shape, definitions: dict[str, Any]) -> dict[str, Any]:
    match shape:
        case ScalarShape(kind):
            return scalar_schema(kind)
        case ListShape(item, single, unique, least, _):
            items = _schema(item, definitions)
            listed: dict[str, Any] = {"type": "array" if least else ["array", "null"], "items": items}
            listed |= {"uniqueItems": True} if unique else {}
            listed |= {"minItems": least} if least else {}
            return {"anyOf": [listed, items]} if single else listed
        case MapShape(key, value, list_value):
            mapping: dict[str, Any] = {"type": ["object", "null"], "additionalProperties": _schema(value, definitions)}
            mapping |= {"propertyNames": {"anyOf": [_key_schema(key), {"pattern": "^x-"}]}}
            if list_value is None:
                return mapping
            names = {"type": "array", "items": _key_schema(key), "uniqueItems": True}
            return {"anyOf": [names, mapping]}
        case ObjectShape():
            return _object(shape, definitions)
        case ChoiceShape(variants):
            short = shape.short
            choices = [_reference(variant, definitions) for variant in variants.values()]
            return {"anyOf": [*([_short(short)] if short else []), *choices]}


def scalar_schema(kind: Kind) -> dict[str, Any]:
    """Return the schema of a single value. An unquoted 1.10 is a number for editors, but text for us.

    If arguments are expanded in it, a text with `${` can be any value.
    """
    match kind:
        case Switch():
            return {"anyOf": [{"type": "boolean"}, _ARGUMENT]}
        case Number():
            return {"anyOf": [{"type": "integer", "minimum": kind.least, "maximum": kind.most}, _ARGUMENT]}
        case Text():
            if kind.choices:
                numbers = [int(each) for each in kind.choices if each.isdecimal()]
                types = ["string", "integer"] if numbers else "string"
                return {"anyOf": [{"type": types, "enum": [*kind.choices, *numbers]}, _ARGUMENT]}
            return _text_schema(kind, argument=not kind.literal)


def _text_schema(kind: Text, *, argument: bool) -> dict[str, Any]:
    if kind.choices:
        return {"type": "string", "enum": list(kind.choices)}
    types = ["string", *(["number"] if _reads(kind, "644") else []), *(["boolean"] if _reads(kind, "true") else [])]
    schema: dict[str, Any] = {"type": types if len(types) > 1 else types[0]}
    if kind.pattern:
        schema["pattern"] = f"^(?:{kind.pattern})$" + (r"|\$\{" if argument else "")
    return schema | ({"maxLength": kind.longest} if kind.longest else {})


def _reads(kind: Kind, text: str) -> bool:
    try:
        kind.read(text)
    except ValueError:
        return False
    return True


def _key_schema(kind: Text) -> dict[str, Any]:
    return {**_text_schema(kind, argument=False), "type": "string"}


def _short(shape: ObjectShape) -> dict[str, Any]:
    kind = shape.short_kind
    return scalar_schema(kind) if kind else {}


def _object(shape: ObjectShape, definitions: dict[str, Any]) -> dict[str, Any]:
    reference = _reference(shape, definitions)
    if shape.short:
        return {"anyOf": [_short(shape), reference]}
    if any(field.required for field in shape.fields.values()):
        return reference
    return {"anyOf": [reference, {"type": "null"}]}


def _reference(shape: ObjectShape, definitions: dict[str, Any]) -> dict[str, Any]:
    name = shape.model.__name__
    if name not in definitions:
        definitions[name] = {}
        definitions[name] = _definition(shape, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _definition(shape: ObjectShape, definitions: dict[str, Any]) -> dict[str, Any]:
    if getattr(shape.model, "PARTIAL", False):
        return _partial(shape)
    properties = {field.name: _property(field, definitions) for field in shape.fields.values()}
    if shape.marker:
        properties[shape.marker] = {"const": True, "description": (shape.model.__doc__ or "").partition("\n")[0]}
    required = [field.name for field in shape.fields.values() if field.required]
    return {
        "description": (shape.model.__doc__ or "").partition("\n")[0],
        "type": "object",
        "properties": dict(sorted(properties.items())),
        "required": [*required, *([shape.marker] if shape.marker else [])],
        "patternProperties": _EXTENSIONS,
        "additionalProperties": False,
    }


def _partial(shape: ObjectShape) -> dict[str, Any]:
    """Return the schema of a part of the keys of the file."""
    names = sorted(object_shape(Spec).fields.keys() - {"profiles", "include"})
    return {
        "description": (shape.model.__doc__ or "").partition("\n")[0],
        "type": "object",
        "properties": {name: {"$ref": f"#/properties/{name}"} for name in names},
        "patternProperties": _EXTENSIONS,
        "additionalProperties": False,
    }


def _property(field: FieldShape, definitions: dict[str, Any]) -> dict[str, Any]:
    schema = _schema(field.shape, definitions)
    if field.optional and "anyOf" in schema:
        nothing = {"type": "null"}
        schema |= {"anyOf": [*schema["anyOf"], *([] if nothing in schema["anyOf"] else [nothing])]}
    elif field.optional and "$ref" in schema:
        schema = {"anyOf": [schema, {"type": "null"}]}
    elif field.optional:
        types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        schema["type"] = [*dict.fromkeys((*types, "null"))]
        schema |= {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {"description": field.key.doc, "examples": [yaml.safe_load(field.key.example)], **schema}
