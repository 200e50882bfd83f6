"""The machine of `test_update.py` with Alpine, where OpenRC and busybox say whether a version is good.

The userland, the kernel and curl are those of Alpine 3.23 as installed; `of_updates` (tests/support/alpine_packages.py)
has two programs that are not. In CI, tests/unit/imager/guest runs the same programs under busybox.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.boot.test_update import Fleet, came_to_two, context, report, variables, went_back
from tests.support.alpine import Alpine
from tests.support.engine import Engine
from tests.support.registry import Registry
from tests.support.vm import boot

__all__ = ["context", "variables"]

pytestmark = [pytest.mark.boot, pytest.mark.engine, pytest.mark.long]

ARGUMENTS = {"TRIES": "1", "BASE": "alpine-virt"}
OF_ALPINE = {
    "[openssh-server]": "[openssh]",
    # ifupdown knows no patterns; the preset asks for an address.
    'network:\n  ethernets: {lan: {match: {name: "e*"}, dhcp4: true}}\n': "",
}
NO_WORD = "it did not come up, and said nothing (tries: 1)"


@pytest.fixture
def fleet(engine: Engine, registry: Registry, context: Path, alpine_apk3: Alpine) -> Fleet:
    """Builds versions of Alpine."""
    file = context / "claylinux.yaml"
    text = file.read_text()
    for theirs, ours in OF_ALPINE.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    file.write_text(text)
    return Fleet(engine, registry, context, ARGUMENTS, alpine_apk3.words)


def test_alpine(fleet: Fleet, variables: Path) -> None:
    """From 1 to 2, to 3 whose service fails, and to 4 that panics: each time 2 is back, and says why."""
    machine = fleet.disk(variables)
    fleet.push("2", "1")
    fleet.push("3", "2")
    with boot(machine) as console:
        found = [report(console), report(console), report(console)]
        assert console.wait_off(120) == 0
        assert "ERROR: claylinux" not in console.text
    assert found[0]["json"]["boot"]["secure_boot"] == "on"
    came_to_two(found[0])
    assert (found[1]["version"], found[1]["json"]["update"]["last"]["result"]) == ("2", "written")
    went_back(found[2], "3", "service works: crashed")
    fleet.push("4", "2")
    with boot(machine) as console:
        found += [report(console), report(console)]
        assert console.wait_off(120) == 0
    assert (found[3]["version"], found[3]["json"]["update"]["next"]) == ("2", "4")
    went_back(found[4], "4", NO_WORD)
    stayed(found)


def stayed(found: list[dict[str, Any]]) -> None:
    """Machine id, host keys and a file are those of the first boot."""
    assert len({(each["id"], each["keys"]) for each in found}) == 1
    assert found[-1]["boots"] == "1 2 3 2 2 4 2"
