"""The OCI config of an image that somebody else made: checked once, where it comes in (image-spec, config.md)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .errors import UserError

if TYPE_CHECKING:
    from llb import SourceRange

_TEXTS = ("Env", "Cmd", "Entrypoint")


def read_config(data: bytes, image: str, *at: SourceRange) -> Mapping[str, Any]:
    """Return the config in `data`, where nothing is an empty config.

    Raises `UserError` at the places `at` that names `image` and the field.
    """
    try:
        document = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        raise UserError(f"{image} has a damaged config: it is not JSON", at) from None
    problem = _problem(document)
    if problem:
        raise UserError(f"{image} has a damaged config: {problem}", at)
    return document  # type: ignore[no-any-return]


def _problem(document: object) -> str:
    if not isinstance(document, dict):
        return "it must be an object"
    section = _given(document, "config", {})
    if not isinstance(section, dict):
        return "`config` must be an object"
    for name in _TEXTS:
        values = _given(section, name, [])
        if not isinstance(values, list) or not all(isinstance(each, str) and "\0" not in each for each in values):
            return f"`config.{name}` must be a list of texts"
    if any("=" not in each or each.startswith("=") for each in _given(section, "Env", [])):
        return "`config.Env` must be a list of variables (for example `LANG=C.UTF-8`)"
    labels = _given(section, "Labels", {})
    if not isinstance(labels, dict) or not all(isinstance(each, str) for each in labels.values()):
        return "`config.Labels` must map names to texts"
    return ""


def _given(section: Mapping[str, Any], name: str, default: object) -> Any:
    """Return a field; null stands for a field that is not there."""
    value = section.get(name)
    return default if value is None else value
