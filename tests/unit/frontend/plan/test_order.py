"""The order of keys means nothing: whole build files, their mappings shuffled, give the same graph to the last byte."""

from __future__ import annotations

import random

import pytest
import yaml

from tests.unit.frontend.plan.test_golden import CASES, FOLDER, request

_ORDERED = ("args",)
"""A default of `args` can use those before it."""


def graphs(case: str, text: str) -> list[tuple[list[bytes], list[str]]]:
    """Return every graph that a build file is solved with: its vertices as bytes, and their names.

    Some are solved at the same time: which of them comes first is chance.
    """
    return sorted(
        (list(getattr(each.to_pb(), "def")), [vertex.name for vertex in each.vertices.values()])
        for each in request(case, text).solved
    )


def shuffled(text: str, chance: random.Random) -> str:
    """Return a YAML text with the keys of its mappings in another order, and every value written as it was."""
    root = yaml.compose(text, yaml.SafeLoader)
    assert root is not None
    _shuffle(root, chance)
    result: str = yaml.serialize(root)
    return result


def _shuffle(node: yaml.Node, chance: random.Random) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _shuffle(item, chance)
    elif isinstance(node, yaml.MappingNode):
        chance.shuffle(node.value)
        for key, value in node.value:
            if key.value not in _ORDERED:
                _shuffle(value, chance)


@pytest.mark.parametrize("case", CASES)
def test_the_order_of_keys_never_changes_a_byte(case: str) -> None:
    text = (FOLDER / f"{case}.yaml").read_text()
    expected = graphs(case, text)
    others = {shuffled(text, random.Random(seed)) for seed in range(4)}
    assert len(others) > 1
    for other in others:
        assert graphs(case, other) == expected, other


def test_another_value_is_another_graph() -> None:
    text = (FOLDER / "full.yaml").read_text()
    assert graphs("full", text.replace("nginx", "caddy")) != graphs("full", text)
