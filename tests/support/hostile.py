"""What tests about strangers share: systems to spoil, and limits for whoever handles them."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from imager.core import terminal
from imager.core.errors import ImagerError
from tests.support.imager import make_system
from tests.support.memory import mapped

VERSION = "6.1.0-1-amd64"
MODULES = f"usr/lib/modules/{VERSION}"
ONLY_PYTHON = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
"""Where `str.splitlines` ends a line, and no program of a system does."""


def make_accounts(path: Path) -> Path:
    """Make a system with accounts."""
    made = make_system(path)
    (made / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (made / "etc/group").write_text("root:x:0:\nsudo:x:27:\n")
    (made / "etc/shadow").write_text("root:*:1:0:99999:7:::\n")
    return made


@contextmanager
def within(seconds: float, megabytes: int = 600) -> Iterator[None]:
    """Fail if the block waits, or takes longer or more memory: nothing that a stranger makes may hang a build."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (mapped() + (megabytes << 20), limits[1]))
    begin = time.monotonic()
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert time.monotonic() - begin < seconds


def refused(action: Callable[[], object]) -> str:
    """Return the line with which something is refused, as people see it."""
    with pytest.raises(ImagerError) as caught:
        action()
    return terminal.printable(str(caught.value))
