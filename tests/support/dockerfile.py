"""Images from Dockerfiles: the fixture `small`, a context with a system that boots in seconds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

SMALL = Path(__file__).parent / "small"
TOLD = {
    "hostname": "small",
    "hosts": "1",
    "resolver": "nameserver 10.9.8.1",
    "targets": "0",
    "boot": "0",
    "cmdline": 'console=ttyS0 quiet colour="deep red"',
}
"""The output that the small system must print before `token 42`."""


@pytest.fixture(scope="session")
def small(busybox: Path, debian_kernel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a build context with the Dockerfile of a small system and its image."""
    return make_small(tmp_path_factory.mktemp("small") / "context", busybox, debian_kernel)


def make_small(context: Path, busybox: Path, kernel: Path) -> Path:
    """Create that context."""
    shutil.copytree(SMALL, context)
    (context / "init").chmod(0o755)
    shutil.copy(busybox, context / "busybox")
    shutil.copy(kernel, context / kernel.name)
    return context
