"""Alpine's presets, booted in QEMU with OVMF: OpenRC starts, and the guest confirms the requested settings."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from localvm.console import Console
from localvm.machine import Drive, Machine
from tests.support.alpine import Alpine
from tests.support.answers import ask, greeting, page
from tests.support.engine import REPOSITORY
from tests.support.secure_boot import enroll, make_signer
from tests.support.vm import boot, free_port

pytestmark = [pytest.mark.boot, pytest.mark.engine]

RUNLEVELS = {
    "sysinit": {"devfs", "dmesg", "hwdrivers", "mdev"},
    "boot": {
        "bootmisc",
        "claylinux-identity",
        "crond",
        "hostname",
        "hwclock",
        "modules",
        "networking",
        "sysctl",
        "syslog",
    },
    "default": {"acpid", "chronyd", "nginx", "sshd"},
    "shutdown": {"killprocs", "mount-ro", "savecache"},
}
LEAST = """\
# syntax=claylinux/frontend
name: least
base: alpine-virt
packages: [nginx]
services: [nginx]
users: [{name: root, password: ""}]
kernel: {modules: {include: [/drivers/virtio, virtio_net, virtio_blk, evdev, button]}}
outputs: [raw, efi]
"""
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
SMALL = 208
"""Enough MiB of memory: before unpacking, firmware and kernel each hold the image (docs/internals/memory.md)."""


def test_four_lines_are_a_web_server(alpine: Alpine, tmp_path: Path) -> None:
    """The smallest example: no login on the serial port, so the page at its DHCP address is the proof."""
    alpine.build(REPOSITORY / "examples/alpine-nginx", output=tmp_path).check()
    image = tmp_path / "claylinux.img"
    assert list(tmp_path.iterdir()) == [image]
    port = free_port()
    with boot(Machine(network=True, forwards=((port, 80),), drives=(Drive(path=image),))):
        assert b"nginx" in page(port)


def test_four_lines_are_an_ssh_server(alpine: Alpine, tmp_path: Path) -> None:
    """The same with another package, and its UKI on its own."""
    text = (REPOSITORY / "examples/alpine-nginx/claylinux.yaml").read_text()
    text = text.replace("packages: [nginx]", "packages: [openssh]").replace("services: [nginx]", "services: [sshd]")
    (tmp_path / "claylinux.yaml").write_text(text)
    alpine.build(tmp_path, "--target=efi", output=tmp_path / "out").check()
    port = free_port()
    with boot(Machine(network=True, forwards=((port, 22),), kernel=tmp_path / "out/claylinux.efi")):
        assert greeting(port).startswith(b"SSH-2.0-OpenSSH_")


@pytest.mark.parametrize(("kind", "mode", "output"), [("official", "overlay", "iso"), ("apk3", "tmpfs", "efi")])
def test_runlevels_services_and_names(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str, mode: str, output: str
) -> None:
    """Alpine with apk-tools 2, and with apk-tools 3 and a merged /usr: all of what starts is up, and keeps quiet.

    The ISO is signed, and its firmware starts nothing else.
    """
    alpine: Alpine = request.getfixturevalue(f"alpine_{kind}")
    project = tmp_path / "project"
    shutil.copytree(REPOSITORY / "tests/boot/alpine", project)
    machine, flags = Machine(network=True), [f"--target={output}", f"--build-arg=MODE={mode}"]
    if output == "iso":
        signer = make_signer(project)
        with (project / "claylinux.yaml").open("a") as text:
            text.write("secure_boot: {certificate: {source: db.crt}, key: {secret: db.key}}\n")
        flags.append(f"--secret=id=db.key,src={signer.key}")
        machine = replace(machine, variables=enroll(tmp_path / "variables.fd", signer, make_signer(tmp_path, "pk")))
    alpine.build(project, *flags, output=tmp_path).check()
    image = tmp_path / f"alpine.{output}"
    drive = Drive(path=image, bus="cdrom")
    with boot(replace(machine, kernel=image) if output == "efi" else replace(machine, drives=(drive,))) as console:
        log_in(console, "clay.example")
        if output == "iso":
            ask(console, "mount -t efivarfs efivarfs /sys/firmware/efi/efivars")
            ask(console, "mount -t securityfs security /sys/kernel/security")
            assert ask(console, f"tail -c 1 {SECURE_BOOT} | od -An -tu1").strip() == "1"
            assert "[integrity]" in ask(console, "cat /sys/kernel/security/lockdown")
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
        root = re.findall(r" on / type (\w+)", ask(console, "mount"))[-1]
        assert root == "overlay" if mode == "overlay" else root in ("tmpfs", "rootfs")
        assert re.search(r"inet 10\.0\.2\.\d+/24 .* eth0", ask(console, "ip -4 addr show dev eth0"))
        assert ask(console, "cat /etc/resolv.conf").split() == ["nameserver", "192.0.2.53", "search", "clay.example"]
        assert "10.9.8.7\tupstream.internal" in ask(console, "cat /etc/hosts")
        assert ask(console, "hostname").strip() == "clay.example"
        assert ask(console, "cat /proc/sys/net/ipv4/ip_forward").strip() == "1"
        assert re.search(r"^loop ", ask(console, "lsmod"), re.M)
        assert "nginx" in ask(console, "wget -O- http://127.0.0.1/ 2>&1")
        assert ask(console, "apk info -q -e nginx && echo known").strip() == "known"
        assert ask(console, "pidof ntpd").strip() == ""
        console.send("poweroff\n")
        assert console.wait_off(120) == 0
    assert not re.findall(r"^.*(?:ERROR|crashed|failed to start).*$", console.text, re.M)


def test_a_small_machine_suffices(alpine: Alpine, tmp_path: Path) -> None:
    (tmp_path / "claylinux.yaml").write_text(LEAST)
    alpine.build(tmp_path, output=tmp_path / "out").check()
    assert (tmp_path / "out/least.efi").stat().st_size < 30_000_000
    drive = Drive(path=tmp_path / "out/least.img")
    with boot(Machine(drives=(drive,), network=True, memory_mib=SMALL)) as console:
        log_in(console, "least")
        assert "alpine" in ask(console, "cat /etc/os-release")


def log_in(console: Console, name: str) -> None:
    console.expect(rf"^{name} login: ", 300)
    console.send("root\n")
    console.expect(r"# $", 60)
