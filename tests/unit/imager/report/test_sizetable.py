"""The size report as people see it: every row, and what changed."""

from __future__ import annotations

from typing import Any

import pytest

from imager.report import sizetable
from tests.support.golden import check_golden
from tests.support.places import GOLDEN

MEBIBYTE = 1 << 20


def rows(key: str, count: int, *, more: int = 0) -> list[dict[str, Any]]:
    size = 40 * MEBIBYTE
    return [
        {
            key: f"{key}{number}",
            "size": size - number * MEBIBYTE + more,
            "compressed": size // 3,
            "files": 1000 + number,
        }
        for number in range(count)
    ]


def report(count: int, *, more: int = 0, **changed: Any) -> dict[str, Any]:
    tally = {"size": 5 * MEBIBYTE // 2 + more, "compressed": MEBIBYTE, "files": 1234}
    return {
        "name": "box",
        "uki": {
            "size": 100 * MEBIBYTE + more,
            "kernel": 9 << 20,
            "microcode": 0,
            "system": 90 << 20,
            "rest": 512 << 10,
        },
        "system": {"size": 300 * MEBIBYTE, "files": 12345},
        "disk": 0,
        "ram": 400 * MEBIBYTE,
        "signer": None,
        "modules": tally,
        "firmware": tally,
        "unpackaged": {**tally, "size": 7 * MEBIBYTE},
        "excluded": [],
        "kernel": {"removed": 0, "beyond": []},
        "packages": rows("name", count, more=more),
        "directories": rows("path", count, more=more),
        **changed,
    }


FULL: dict[str, Any] = {
    "signer": {"subject": "CN=me", "sha256": "00ff"},
    "excluded": [{"pattern": "a", "size": MEBIBYTE, "files": 1}, {"pattern": "b", "size": 2 * MEBIBYTE, "files": 1999}],
    "kernel": {"removed": 3 * MEBIBYTE, "beyond": [f"m{number}" for number in range(16)]},
}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "least": (report(0, ram=None), None),
    "full": (report(15, **FULL), None),
    "long": (report(16, kernel={"removed": 0, "beyond": [f"m{number}" for number in range(15)]}), None),
    "grown": (report(15, more=1536 << 10), report(15)),
    "shrunk": (report(16), report(16, more=1, ram=None)),
    "same": (report(2), report(2)),
    "disk": (report(1, disk=200 * MEBIBYTE), None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_table(name: str, update_golden: bool) -> None:
    found, previous = CASES[name]
    check_golden(
        GOLDEN / "sizetable" / f"{name}.txt", sizetable.render(found, "overlay", previous), update=update_golden
    )


def test_long_names_are_cut() -> None:
    for length, shown in ((48, "x" * 48), (49, "x" * 47 + "…")):
        found = report(0, packages=[{"name": "x" * length, "size": 1, "compressed": 1, "files": 1}])
        assert f"\n  {shown:<50}" in sizetable.render(found, "tmpfs")
