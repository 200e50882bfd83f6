"""Programs and the limits that they get."""

from __future__ import annotations

import pytest

from imager.core import tools
from imager.core.errors import ToolError


def test_a_program_may_print_up_to_its_limit() -> None:
    argv = ("head", "-c", "10", "/dev/zero")
    assert tools.run(argv, limit=10) == bytes(10)
    with pytest.raises(ToolError, match="head made more than 9 bytes"):
        tools.run(argv, limit=9)
