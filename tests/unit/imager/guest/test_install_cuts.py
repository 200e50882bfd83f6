"""The short form of the campaign `power_cuts`: what a power cut leaves of an installation."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from imager.disk import raw
from imager.requests.outputs import Raw
from tests.campaigns import power_cuts
from tests.campaigns.running import Tally
from tests.support.imager import EPOCH, make_pe
from tests.support.vm import require_tool

pytestmark = pytest.mark.slow


FORGETFUL = 'dd() { command dd $(echo "$@" | sed "s/,fsync//"); }'


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """Return a small image."""
    require_tool("sgdisk", "fsck.fat")
    program, image = tmp_path / "clay.efi", tmp_path / "medium.img"
    program.write_bytes(make_pe() + random.Random(0).randbytes(3 << 20))
    raw.run(Raw(uki=str(program), output=str(image), architecture="amd64", epoch=EPOCH, label="CLAY"))
    return image


def test_any_power_cut_leaves_a_whole_installation_or_a_disk_to_install_on(medium: Path, tmp_path: Path) -> None:
    recording = power_cuts.record_here(medium, tmp_path)
    assert sum(each.flush for each in recording.entries()) >= 9
    tally = Tally()
    power_cuts.try_all(tally, power_cuts.Case(recording, medium, "1", ""), 12, random.Random(1), tmp_path)
    assert not tally.failures, tally.examples
    assert tally.outcomes[power_cuts.WHOLE] >= 1
    assert tally.outcomes[power_cuts.AGAIN] >= 2


def test_the_campaign_finds_what_is_not_flushed(medium: Path, tmp_path: Path) -> None:
    recording = power_cuts.record_here(medium, tmp_path, FORGETFUL)
    tally = Tally()
    for seed in range(20):
        if not tally.failures:
            power_cuts.try_all(tally, power_cuts.Case(recording, medium, "1", ""), 2, random.Random(seed), tmp_path)
    assert tally.failures
