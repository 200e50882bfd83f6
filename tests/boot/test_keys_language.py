"""Keys of the language and the base in booted systems: arguments, includes, profiles, releases, contexts, formats."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from localengine.host import host_mirror
from localvm.machine import Drive, Machine
from tests.support.engine import REPOSITORY, Engine, tool, unavailable
from tests.support.imager import read_sections
from tests.support.vm import boot, require_tool

pytestmark = [pytest.mark.boot, pytest.mark.engine]

KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
EXPECTED = {
    "release": "252 6.1. cloud-amd64",
    "named": "keys 2.5",
    "next": "Hello, world! newer",
    "contrib": "/usr/sbin/iucode_tool",
    "removed": "0",
    "own": "own 2.5 amd64",
    "included": "included 2.5 9",
    "profile": "the lab",
    "root": "rootfs 0",
    "dated": "1800000000 0",
    "op": "op:x:1234:1234:Ada Lovelace:/srv/op:/bin/dash op 700",
    "first": "1000",
    "run": "hi 2.5 lo",
    "who": "op adm",
    "port": "1 52:54:00:12:34:56",
    "bridge": "10.0.2.15/24",
    "dhcp": "DHCP=yes",
    "label": "EDGE",
    "failed": "0",
}
"""The output that the guest must print."""
LZ4 = b"\x02\x21\x4c\x18"
"""The magic number of the only lz4 format that the kernel supports (lib/decompress.c)."""
TELL = """\
#!/bin/sh
mount -t proc proc /proc
echo "context=$(cat /from-context)"
echo "release=$(uname -r)"
echo "word=$(sed 's/.*word=//' /proc/cmdline)"
umount /proc
exec /sbin/small-init
"""
BUILD_FILE = """\
# syntax=claylinux/frontend
base: {{context: system}}
kernel: {{version: "{version}", cmdline: [console=ttyS0, quiet, no_timer_check, word=given]}}
outputs: [{{format: qcow2, compress: true}}, {{format: vmdk, subformat: monolithicSparse}}]
"""


def test_a_release_with_arguments_includes_and_a_profile(engine: Engine, tmp_path: Path) -> None:
    if not KEYS.exists():
        unavailable(f"{KEYS} is not installed")
    tool("base-image", "debian:bookworm")
    project, out = tmp_path / "project", tmp_path / "out"
    shutil.copytree(REPOSITORY / "tests/boot/keys_language", project)
    shutil.copy(KEYS, project / "debian.gpg")
    given = {"VERSION": "2.5", "MIRROR": host_mirror(), "CLAYLINUX_PROFILE": "lab"}
    done = engine.buildx(project, output=out, build_args=given).check()
    assert sorted(path.name for path in out.iterdir()) == ["edge-2.5.iso", "keys.efi"]
    assert "[initramfs] pack the system" in done.log, "flatten leaves one stage"
    initrd = read_sections((out / "keys.efi").read_bytes())[".initrd"][2]
    assert initrd.startswith(LZ4)
    with boot(Machine(drives=(Drive(path=out / "edge-2.5.iso"),), network=True, memory_mib=2048)) as console:
        console.expect(r"^keys login: ", 240)
        console.send("root\n")
        console.expect(r"# $", 60)
        console.send("check\n")
        start = console.expect(r"^check-begin=42$", 60).end()
        end = console.expect(r"^check-end=43$", 60).start()
        found = dict(re.findall(r"^(\w+)=(.*?) *$", console.text[start:end], re.MULTILINE))
        console.send("poweroff\n")
        assert console.wait_off(60) == 0
    assert found == EXPECTED


def test_a_context_as_base_with_a_chosen_kernel(
    engine: Engine, small: Path, debian_kernel: Path, tmp_path: Path
) -> None:
    """Only the chosen one of two kernels can boot, from a disk with compressed clusters and from a sparse one."""
    require_tool("qemu-img")
    system, project, out = (tmp_path / name for name in ("system", "project", "out"))
    engine.buildx(small, target="system", output=system).check()
    (system / "sbin/init").rename(system / "sbin/small-init")
    (system / "sbin/init").write_text(TELL)
    (system / "sbin/init").chmod(0o755)
    (system / "from-context").write_text("yes\n")
    other = system / "usr/lib/modules/99.9.9-other/vmlinuz"
    other.parent.mkdir(parents=True)
    other.write_text("no kernel")
    project.mkdir()
    version = debian_kernel.name.removeprefix("vmlinuz-")
    (project / "claylinux.yaml").write_text(BUILD_FILE.format(version=version))
    engine.buildx(project, f"--build-context=system={system}", output=out).check()
    told = subprocess.run(
        ["qemu-img", "check", out / "claylinux.qcow2"], capture_output=True, text=True, check=True, timeout=60
    )
    compressed = re.search(r"([\d.]+)% compressed", told.stdout)
    assert compressed, told.stdout
    assert float(compressed[1]) > 1
    assert b'createType="monolithicSparse"' in (out / "claylinux.vmdk").read_bytes()[:65536]
    for name in ("qcow2", "vmdk"):
        drive = Drive(path=out / f"claylinux.{name}", format=name)
        with boot(Machine(drives=(drive,), memory_mib=512)) as console:
            end = console.expect(r"^token 42$", 120).start()
            found = dict(re.findall(r"^(\w+)=(.*?)\r?$", console.text[:end], re.MULTILINE))
            assert console.wait_off(30) == 0
        assert {key: found[key] for key in ("context", "release", "word")} == {
            "context": "yes",
            "release": version,
            "word": "given",
        }, name
