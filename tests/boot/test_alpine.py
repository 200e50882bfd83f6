"""Alpine's presets, booted in QEMU with OVMF: OpenRC comes up, and says of itself what was asked for."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from localvm.console import Console
from localvm.machine import Drive, Machine
from tests.support.alpine import Alpine
from tests.support.engine import REPOSITORY
from tests.support.vm import boot, free_port

pytestmark = [pytest.mark.boot, pytest.mark.engine]

RUNLEVELS = {
    "sysinit": {"devfs", "dmesg", "hwdrivers", "mdev"},
    "boot": {"bootmisc", "crond", "hostname", "hwclock", "modules", "networking", "sysctl", "syslog"},
    "default": {"acpid", "nginx"},
    "shutdown": {"killprocs", "mount-ro", "savecache"},
}
SMALL = 224
"""MiB of memory that suffice: before it is unpacked, firmware, stub and kernel each hold the image in memory."""


@pytest.fixture(scope="module")
def images(alpine: Alpine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("alpine-images")
    alpine.build(REPOSITORY / "tests/boot/alpine", output=out).check()
    assert (out / "alpine.efi").stat().st_size < 30_000_000
    return out


def test_four_lines_are_a_web_server(alpine: Alpine, tmp_path: Path) -> None:
    """The smallest example as a disk: no login on the serial port, so the page that it serves is the proof."""
    alpine.build(REPOSITORY / "examples/alpine-nginx", output=tmp_path).check()
    port = free_port()
    disk = Drive(path=tmp_path / "claylinux.raw", bus="virtio")
    with boot(Machine(network=True, forwards=((port, 80),), drives=(disk,))):
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
    with boot(Machine(kernel=images / "alpine.efi", network=True, memory_mib=SMALL)) as console:
        log_in(console)
        assert "alpine" in ask(console, "cat /etc/os-release")


def log_in(console: Console) -> None:
    console.expect(r"^clay.example login: ", 120)
    console.send("root\n")
    console.expect(r"# $", 60)


def ask(console: Console, command: str) -> str:
    """Return what a command prints."""
    console.send(f"{command}; echo end=$((20+22))\n")
    end = console.expect(r"^(.*)end=42$", 60)
    text = console.text[: end.end()]
    return text[text.rindex("echo end=") :].partition("\n")[2].removesuffix("end=42").replace("\r", "")


def page(port: int) -> bytes:
    """Return what the guest's web server gives, once it is up."""
    for _ in range(90):
        with (
            suppress(URLError, ConnectionError, TimeoutError),
            urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer,
        ):
            content: bytes = answer.read()
            return content
        time.sleep(2)
    raise AssertionError("no page from the guest")
