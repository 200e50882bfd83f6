"""The JSON Schema as editors use it: right files pass a real validator, and most wrong ones do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from frontend.config import load
from tests.support.places import ROOT

VALIDATOR = Draft202012Validator(json.loads((ROOT / "docs/claylinux.schema.json").read_text()))
RIGHT = sorted(
    path
    for pattern in ("examples/*/claylinux.yaml", "bases/*.yaml", "bench/*/claylinux.yaml", "tests/golden/plan/*.yaml")
    for path in ROOT.glob(pattern)
)
WRONG = sorted((ROOT / "tests/golden/config").glob("*.yaml"))
ONLY_THE_FRONTEND_KNOWS = ROOT / "tests/golden/schema-lets-pass.txt"


def read(path: Path) -> Any:
    """What an editor's YAML reader makes of it; None where it is no YAML at all."""
    try:
        return yaml.safe_load(path.read_bytes())
    except yaml.YAMLError:
        return None


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_right_files_pass(path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(read(path))] == []


@pytest.mark.parametrize(
    "text",
    [
        "network: {version: 2, ethernets: {eth0: {mtu: null, nameservers: null, match: null}}}",
        "users: [{name: a, uid: null, password: null, shell: null}]",
        "source_date_epoch: null",
        "limits: {uki: null}",
        "dns: null",
    ],
)
def test_what_the_decoder_takes_passes(text: str) -> None:
    text = f"base: debian\n{text}\n"
    load(text.encode(), "claylinux.yaml")
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))] == []


def test_wrong_files_do_not_pass_except_for_rules_across_keys(update_golden: bool) -> None:
    passed = "".join(f"{path.stem}\n" for path in WRONG if VALIDATOR.is_valid(read(path)))
    if update_golden:
        ONLY_THE_FRONTEND_KNOWS.write_text(passed)
    assert passed == ONLY_THE_FRONTEND_KNOWS.read_text()
    assert len(passed.split()) < len(WRONG) / 3
