"""How a whole build packs a system, and which root it has after booting: `rootfs.mode: auto` and `flatten`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from localvm.machine import Machine
from tests.support.engine import Engine
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine]

BUILD_FILE = """\
# syntax=claylinux/frontend
name: mode
base: {dockerfile: Dockerfile, target: system}
files:
  /sbin/init: {source: tell, mode: "0755"}
  /lib/modules: {source: modules}
run: ["rm /bin/uudecode"]
"""
FLATTEN = "rootfs: {flatten: true}\n"
TELL = """\
#!/bin/sh
mount -t proc proc /proc
echo "root $(grep ' / ' /proc/mounts | tail -n1 | cut -d' ' -f3) $(ls /bin/uu?ncode /bin/uudecode 2>/dev/null | xargs)"
echo "token $((6*7))"
exec poweroff -f
"""
BASE, REST, SYSTEM = "[initramfs] pack the base", "[initramfs] pack the rest", "[initramfs] pack the system"
LACKS = "rootfs mode tmpfs (the kernel has no module squashfs, which overlay mode needs): boots with about "


@pytest.fixture
def project(small: Path, debian_modules: Path, tmp_path: Path) -> Path:
    """Return the small system with the modules that its kernel needs for layers."""
    directory = tmp_path / "project"
    shutil.copytree(small, directory)
    shutil.copytree(debian_modules / "lib/modules", directory / "modules")
    (directory / "tell").write_text(TELL)
    return directory


def build(engine: Engine, project: Path, text: str) -> tuple[Path, str]:
    """Build the UKI; return it and the log."""
    (project / "claylinux.yaml").write_text(text)
    out = project.with_name("out")
    # The log mentions steps only when they run.
    log = engine.buildx(project, "--no-cache-filter=initramfs,uki", target="efi", output=out).check().log
    return out / "mode.efi", log


def root_of(uki: Path) -> str:
    """Boot it; return the system's description of its root."""
    with boot(Machine(kernel=uki, memory_mib=512)) as console:
        root = console.expect(r"^root (.*)\n", 90)[1].strip()
        console.expect(r"^token 42\n", 30)
        assert console.wait_off(30) == 0
    return root


def test_auto_is_overlay_and_flatten_makes_one_layer(engine: Engine, project: Path) -> None:
    _, log = build(engine, project, BUILD_FILE)
    assert (BASE in log, REST in log, SYSTEM in log) == (True, True, False)
    assert "; rootfs mode overlay: boots with about " in log
    flat, log = build(engine, project, BUILD_FILE + FLATTEN)
    assert (BASE in log, REST in log, SYSTEM in log) == (False, False, True)
    assert "; rootfs mode overlay: boots with about " in log
    assert root_of(flat) == "overlay /bin/uuencode"


def test_auto_is_tmpfs_for_a_kernel_that_lacks_a_module(engine: Engine, project: Path) -> None:
    """The build packs it twice, because the first guess was wrong, and the log says why."""
    (listed,) = (project / "modules").glob("*/modules.dep")
    kept = [line for line in listed.read_text().splitlines(keepends=True) if not line.startswith("squashfs.ko")]
    listed.write_text("".join(kept))
    uki, log = build(engine, project, BUILD_FILE)
    assert LACKS in log
    assert root_of(uki) in ("rootfs /bin/uuencode", "tmpfs /bin/uuencode")
    (project / "claylinux.yaml").write_text(BUILD_FILE + "rootfs: {mode: overlay}\n")
    refused = engine.buildx(project, target="efi", output=project.with_name("refused"))
    assert refused.returncode != 0
    assert "does not support overlay mode, because it has no module squashfs" in refused.log
