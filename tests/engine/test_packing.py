"""Which parts of a system are packed again after a change, and when the system is packed as one."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.support.engine import BuildResult, Engine

pytestmark = pytest.mark.engine

DOCKERFILE = """\
FROM debian:trixie
COPY vmlinuz-* /boot/
RUN mkdir -p /sbin && printf '#!/bin/sh\\n' >/sbin/init && chmod 755 /sbin/init
RUN head -c 40000000 /dev/urandom >/opt/big # %d
"""
BUILD_FILE = """\
# syntax=claylinux/frontend
base: {dockerfile: Dockerfile}
packages: [%s]
files: {/etc/x: {source: x}}
run: ["%s"]
rootfs: {mode: tmpfs}
outputs: [efi]
"""
BASE, PACKAGES, REST = (f"[initramfs] pack {what}" for what in ("the base", "the packages", "the rest"))
WHOLE = "[initramfs] pack the system"


@pytest.fixture
def project(debian_kernel: Path, tmp_path: Path) -> Path:
    """Return a Debian with a kernel and a big file, to which apt can add packages."""
    directory = tmp_path / "project"
    directory.mkdir()
    shutil.copy(debian_kernel, directory)
    # The current time in it prevents cache hits from earlier runs of this test.
    (directory / "Dockerfile").write_text(DOCKERFILE % time.time_ns())
    (directory / "x").write_text("1")
    return directory


def build(engine: Engine, project: Path, packages: str = "less", script: str = "true") -> BuildResult:
    (project / "claylinux.yaml").write_text(BUILD_FILE % (packages, script))
    return engine.buildx(project, output=project.with_name("out")).check()


def packed(result: BuildResult) -> tuple[str, ...]:
    """Return the parts of the system that this build packed."""
    return tuple(name for name in result.executed if name.startswith("[initramfs]"))


def test_only_the_stages_that_changed_are_packed(engine: Engine, project: Path) -> None:
    build(engine, project)
    again = build(engine, project)
    assert packed(again) == ()
    more = build(engine, project, "less, ed")
    assert sorted(packed(more)) == [PACKAGES, REST]
    assert BASE in more.cached
    (project / "x").write_text("2")
    file = build(engine, project, "less, ed")
    assert packed(file) == (REST,)
    assert {BASE, PACKAGES} <= {*file.cached}

    # The limit is a tenth of dead weight.
    little = build(engine, project, "less, ed", "head -c 8000000 /opt/big >/opt/little; rm /usr/bin/perl*")
    assert packed(little) == (REST,)
    assert "of the stages below are replaced or removed, but still in the image" in little.log
    much = build(engine, project, "less, ed", "rm /opt/big")
    assert sorted(packed(much)) == sorted((REST, WHOLE))
    size = (project.with_name("out") / "claylinux.efi").stat().st_size
    build(engine, project, "less, ed")
    assert (project.with_name("out") / "claylinux.efi").stat().st_size - size > 39_000_000
