"""Alpine's presets, booted in QEMU with OVMF: OpenRC starts, and the guest confirms the requested settings."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from localvm.console import Console
from localvm.machine import Drive, Machine
from spec.formats import FORMATS
from tests.support.alpine import Alpine
from tests.support.answers import ask, page
from tests.support.engine import REPOSITORY
from tests.support.vm import boot, free_port

pytestmark = [pytest.mark.boot, pytest.mark.engine]

RUNLEVELS = {
    "sysinit": {"devfs", "dmesg", "hwdrivers", "mdev"},
    "boot": {"bootmisc", "crond", "hostname", "hwclock", "modules", "networking", "sysctl", "syslog"},
    "default": {"acpid", "nginx"},
    "shutdown": {"killprocs", "mount-ro", "savecache"},
}
SMALL = 208
"""Enough MiB of memory: before unpacking, firmware and kernel each hold the image (docs/internals/memory.md)."""


@pytest.fixture(scope="module")
def images(alpine: Alpine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alpine-images")
    alpine.build(REPOSITORY / "tests/boot/alpine", output=out).check()
    assert (out / "alpine.efi").stat().st_size < 30_000_000
    return out


@pytest.mark.parametrize("output", ["raw", "iso", "efi"])
def test_four_lines_are_a_web_server(alpine: Alpine, tmp_path: Path, output: str) -> None:
    """The smallest example has no login on the serial port, so the page at its DHCP address is the proof."""
    alpine.build(REPOSITORY / "examples/alpine-nginx", f"--target={output}", output=tmp_path).check()
    image = tmp_path / f"claylinux.{FORMATS[output].extension}"
    assert list(tmp_path.iterdir()) == [image]
    drive = Drive(path=image, bus="cdrom" if output == "iso" else "virtio")
    port = free_port()
    machine = Machine(network=True, forwards=((port, 80),))
    with boot(replace(machine, kernel=image) if output == "efi" else replace(machine, drives=(drive,))):
        assert page(port) == b"nginx on Alpine\n"


def test_runlevels_services_and_names(images: Path) -> None:
    with boot(Machine(network=True, drives=(Drive(path=images / "alpine.iso", bus="cdrom"),))) as console:
        log_in(console)
        found = ask(console, "rc-status -a")
        levels = {
            level: set(
                re.findall(r"^ (\S+)", found.partition(f"Runlevel: {level}\n")[2].partition("Runlevel:")[0], re.M)
            )
            for level in RUNLEVELS
        }
        assert {level: names - {"["} for level, names in levels.items()} == RUNLEVELS
        assert found.count("started") >= sum(len(RUNLEVELS[level]) for level in ("sysinit", "boot", "default"))
        assert "crashed" not in found
        assert re.search(r"inet 10\.0\.2\.\d+/24 .* eth0", ask(console, "ip -4 addr show dev eth0"))
        assert ask(console, "cat /etc/resolv.conf").split() == ["nameserver", "192.0.2.53", "search", "clay.example"]
        assert "10.9.8.7\tupstream.internal" in ask(console, "cat /etc/hosts")
        assert ask(console, "hostname").strip() == "clay.example"
        assert ask(console, "cat /proc/sys/net/ipv4/ip_forward").strip() == "1"
        assert re.search(r"^loop ", ask(console, "lsmod"), re.M)
        assert ask(console, "wget -qO- http://127.0.0.1/").strip() == "nginx on Alpine"
        assert ask(console, "apk info -q -e nginx && echo known").strip() == "known"
        console.send("poweroff\n")
        assert console.wait_off(60) == 0


def test_a_small_machine_suffices(images: Path) -> None:
    with boot(Machine(drives=(Drive(path=images / "alpine.iso"),), network=True, memory_mib=SMALL)) as console:
        log_in(console)
        assert "alpine" in ask(console, "cat /etc/os-release")


def log_in(console: Console) -> None:
    console.expect(r"^clay.example login: ", 120)
    console.send("root\n")
    console.expect(r"# $", 60)
