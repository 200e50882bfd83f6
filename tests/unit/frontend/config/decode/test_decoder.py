"""The decoder has an answer to everything, whatever class of the language it reads."""

from __future__ import annotations

import pytest

from frontend.config.decode.decoder import decode
from frontend.config.decode.shapes import ObjectShape
from frontend.config.syntax.diagnostics import Collector
from frontend.config.syntax.parse import parse
from spec.values.mount_grammar import OPTIONS, parse_mount
from tests.unit.frontend.config.docs.test_docs import SHAPES


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.model.__name__)
def test_an_unknown_key_is_answered_with_those_that_there_are(shape: ObjectShape) -> None:
    problems = Collector()
    root = parse("zzzzzz: 1\n", problems)
    assert root is not None
    decode(root, shape, problems)
    told = [each.message for each in problems.sorted() if each.message.startswith("unknown key `zzzzzz`: ")]
    assert len(told) == 1
    assert f"`{shape.keys[-1]}`" in told[0]


@pytest.mark.parametrize("kind", OPTIONS)
def test_a_strange_option_of_a_mount_is_answered_with_those_that_there_are(kind: str) -> None:
    other = next(name for name in ("size", "readwrite") if name not in OPTIONS[kind])
    value = "1m" if other == "size" else "true"
    with pytest.raises(ValueError, match=f"`{OPTIONS[kind][-1]}`$"):
        parse_mount(f"type={kind},{other}={value}")
