"""Options and fixtures that every test may use."""

from __future__ import annotations

import pytest

_SUPPORT = (
    "dockerfile",
    "engine",
    "vm",
    "guest",
    "packer",
    "podman",
    "registry",
    "alpine",
    "managers",
    "web",
    "update_guest",
    "update_server",
)
pytest_plugins = [f"tests.support.{name}" for name in _SUPPORT]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew instead of comparing")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written anew."""
    return bool(request.config.getoption("--update-golden"))
