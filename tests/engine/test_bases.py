"""The images of bases/: their content, and the effect of the build arguments from the shell imager's images."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.alpine import Alpine
from tests.support.engine import REPOSITORY

pytestmark = pytest.mark.engine

BASES = REPOSITORY / "bases"
ARGUMENTS = {
    "FLAVOR": "lts",
    "HOSTNAME": "box",
    "CMDLINE": "console=ttyS0 quiet",
    "INITTAB_TTYS": "ttyS0::respawn:/sbin/getty -L 0 ttyS0 vt100\\ntty2::respawn:/sbin/getty 38400 tty2",
    "NETWORK_INTERFACES": "auto lo\\niface lo inet loopback",
    "BOOT_SERVICES": "hostname syslog",
    "DEFAULT_SERVICES": "crond acpid",
    "SHUTDOWN_SERVICES": "",
}


def test_build_arguments_take_the_place_of_the_presets_words(alpine: Alpine, tmp_path: Path) -> None:
    """Lists replace those of the preset, `\\n` is a line break, and missing arguments change nothing."""
    given = [f"--build-arg={name}={value}" for name, value in ARGUMENTS.items()]
    alpine.build(BASES, "--file=alpine-virt.yaml", "--target=image", *given, output=tmp_path).check()
    assert [path.name for path in (tmp_path / "boot").glob("vmlinuz*")] == ["vmlinuz-lts"]
    assert (tmp_path / "etc/hostname").read_text() == "box\n"
    assert "127.0.1.1\tbox\n" in (tmp_path / "etc/hosts").read_text()
    assert (tmp_path / "boot/cmdline").read_text() == "console=ttyS0 quiet\n"
    assert (tmp_path / "etc/network/interfaces").read_text() == "auto lo\niface lo inet loopback\n"
    inittab = (tmp_path / "etc/inittab").read_text().splitlines()
    assert [line for line in inittab if "tty" in line] == ARGUMENTS["INITTAB_TTYS"].split("\\n")
    assert "::sysinit:/sbin/openrc sysinit" in inittab
    runlevels = {
        level.name: {link.name for link in level.iterdir()} for level in (tmp_path / "etc/runlevels").iterdir()
    }
    assert runlevels == {
        "sysinit": {"devfs", "dmesg", "hwdrivers", "mdev"},
        "boot": {"hostname", "syslog"},
        "default": {"acpid", "crond"},
        "nonetwork": set(),
        "shutdown": set(),
    }


def test_base_images_serve_dockerfiles_and_build_files(alpine: Alpine, tmp_path: Path) -> None:
    """An image of bases/ is a base in a Dockerfile, and the result is a base in a build file."""
    base, own = (f"claylinux-test/{name}-{os.getpid()}" for name in ("base", "own"))
    alpine.build(BASES, "--file=alpine-virt.yaml", "--target=image", f"--tag={base}").check()
    (tmp_path / "Dockerfile").write_text(f"FROM {base}\nRUN apk add nginx && rc-update add nginx default\n")
    try:
        labels = json.loads(alpine.engine.docker("image", "inspect", "--format={{json .Config.Labels}}", base))
        # No label of bootable containers: that would promise a layout and programs that this image does not have.
        assert labels == {
            "org.opencontainers.image.title": "alpine-virt",
            "org.opencontainers.image.description": "Alpine Linux with the kernel linux-virt, a base for Claylinux.",
        }
        alpine.build(tmp_path, f"--tag={own}").check()
        text = f"# syntax=claylinux/frontend\nbase: {{image: {own}}}\nservices: {{nginx: true, ntpd: false}}\n"
        (tmp_path / "claylinux.yaml").write_text(f"{text}outputs: [efi]\n")
        alpine.build(tmp_path, output=tmp_path / "out").check()
    finally:
        alpine.engine.docker("rmi", "--force", base, own)
    uki = tmp_path / "out/claylinux.efi"
    assert b"console=tty0 console=ttyS0,115200" in uki.read_bytes()  # the image's own /boot/cmdline
