"""JSON that a build step or the engine wrote, checked against its shape where it comes in.

A shape is a type, or a tuple of shapes of which one fits; `[shape]` is a list of any length, `[shape, shape]` one of
this length; `{"key": shape}` an object with this key, `{"key?": shape}` perhaps with it, `{"*": shape}` with any keys.
"""

from __future__ import annotations

import json
from typing import Any

from .errors import AnswerError

NONE = type(None)


def read(data: bytes, what: str, shape: object) -> Any:
    """Return the document in `data`. Raises `AnswerError`, which names `what` it should be, for any other shape."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise AnswerError(f"{what} is not JSON") from None
    wrong = _wrong(document, shape, "")
    if wrong is not None:
        raise AnswerError(f"{what} has an unexpected value{wrong and ' at '}{wrong}")
    return document


def _wrong(value: object, shape: object, place: str) -> str | None:
    """Return the place of the first value that does not fit; None if all do."""
    if isinstance(shape, dict):
        return _wrong_object(value, shape, place)
    if isinstance(shape, tuple):
        return None if any(_wrong(value, each, place) is None for each in shape) else place
    if not isinstance(shape, list):
        return None if _is(value, shape) else place
    if not isinstance(value, list) or len(value) != len(shape) > 1:
        return place
    shapes = shape if len(shape) > 1 else shape * len(value)
    found = (
        _wrong(part, each, f"{place}[{number}]") for number, (part, each) in enumerate(zip(value, shapes, strict=True))
    )
    return next((each for each in found if each is not None), None)


def _wrong_object(value: object, shape: dict[str, object], place: str) -> str | None:
    if not isinstance(value, dict):
        return place
    for name, each in shape.items():
        key = name.removesuffix("?")
        parts = value if name == "*" else {key: value[key]} if key in value else {}
        if not parts and name not in ("*", f"{key}?"):
            return f"{place}.{key}"
        for own, part in parts.items():
            wrong = _wrong(part, each, f"{place}.{own}")
            if wrong is not None:
                return wrong
    return None


def _is(value: object, kind: Any) -> bool:
    """Return whether a value has a type. In Python, a switch is a number, too; in C, a null ends a text.

    A number has 63 bits and a sign: nothing that is counted needs more, and a larger one has no fraction to show.
    """
    if isinstance(value, bool):
        return kind is bool
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return False
    return isinstance(value, kind) and not (isinstance(value, str) and "\0" in value)
