"""Every output of one real system, booted in QEMU with OVMF to the login prompt, and checked from inside."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.request import urlopen

import pytest

from localvm.machine import Drive, Machine
from tests.support.engine import REPOSITORY, Engine
from tests.support.vm import boot, free_port

pytestmark = [pytest.mark.boot, pytest.mark.engine]

EXPECTED = {
    "hostname": "probe.example",
    "hosts": "10.9.8.7 upstream.internal",
    "resolv": "1",
    "user": "uid=1234(op) gid=1234(op) groups=1234(op),4(adm)",
    "nginx": "active",
    "timesyncd": "disabled",
    "failed": "0",
    "cap": "/usr/local/bin/capable cap_net_raw=ep",
    "folder": "750 op:adm",
    "link": "probe.example",
    "boot": "0",
    "ours": "0",
    "inside": "42",
}
"""The output that the guest must print; `inside` comes from a container of runc, which calls pivot_root."""


@pytest.fixture(scope="module")
def images(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return all outputs from one build."""
    out = tmp_path_factory.mktemp("images")
    engine.buildx(REPOSITORY / "tests/boot/probe", output=out).check()
    assert sorted(path.name for path in out.iterdir()) == ["probe.efi", "probe.img", "probe.iso"]
    return out


@pytest.mark.parametrize(
    ("name", "bus"),
    [("probe.img", "virtio"), ("probe.iso", "cdrom"), ("probe.iso", "usb"), ("probe.efi", "")],
    ids=["raw", "iso-as-cd", "iso-as-stick", "efi"],
)
def test_boots_to_a_login_and_is_what_was_written(images: Path, name: str, bus: str) -> None:
    image, port = images / name, free_port()
    common = Machine(network=True, forwards=((port, 80),))
    if bus:
        machine = replace(common, drives=(Drive(path=image, bus=bus),))
    else:
        machine = replace(common, kernel=image, memory_mib=1536)
    with boot(machine) as console:
        console.expect(r"^probe login: ", 180)
        console.send("root\n")
        console.expect(r"# $", 60)
        console.send("systemctl start nginx && probe\n")
        start = console.expect(r"^probe-begin=42$", 60).end()
        end = console.expect(r"^probe-end=43$", 60).start()
        found = dict(re.findall(r"^(\w+)=(.*?) *$", console.text[start:end], re.MULTILINE))
        assert found == EXPECTED
        with urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
            assert b"nginx" in page.read()
        console.send("poweroff\n")
        assert console.wait_off(60) == 0
