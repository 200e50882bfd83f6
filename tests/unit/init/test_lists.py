"""The short form of the campaign against init."""

from __future__ import annotations

import os

import pytest

from tests.campaigns import init_lists


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="changes its root")
def test_init_comes_through_hostile_lists() -> None:
    tally = init_lists.campaign(0, seed=1)
    assert tally.inputs == init_lists.BATCH
    assert not tally.failures, tally.examples
