"""Systems from and to a registry: pushed, pulled as a base, built and booted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from localvm.machine import Drive, Machine
from tests.support.dockerfile import TOLD
from tests.support.engine import Engine
from tests.support.registry import Registry
from tests.support.vm import boot

pytestmark = [pytest.mark.boot, pytest.mark.engine]

FIRST = """\
# syntax=claylinux/frontend
name: first
version: "1.2"
base: {{image: "{host}/bootable"}}
kernel: {{cmdline: [console=ttyS0, quiet, 'colour="deep red"']}}
labels: {{org.opencontainers.image.vendor: Somebody}}
"""
SECOND = """\
# syntax=claylinux/frontend
name: second
base: {{image: "{host}/first:1.2"}}
outputs: [raw]
"""


def test_a_pushed_system_is_a_base_again(engine: Engine, registry: Registry, small: Path, tmp_path: Path) -> None:
    """One build file continues a bootable container, and another one continues the result."""
    engine.buildx(small, target="bootable", output=push(registry, "bootable")).check()
    first = build_file(tmp_path / "first", FIRST, registry)
    engine.buildx(first, target="image", output=push(registry, "first:1.2")).check()
    assert registry.tags("first") == ["1.2"]
    config = registry.image_config("first", "1.2")
    assert config["architecture"] == "amd64"
    assert config["config"]["Labels"] == {
        "containers.bootc": "1",
        "org.opencontainers.image.title": "first",
        "org.opencontainers.image.vendor": "Somebody",
        "org.opencontainers.image.version": "1.2",
    }
    second = build_file(tmp_path / "second", SECOND, registry)
    engine.buildx(second, output=tmp_path).check()
    machine = Machine(drives=(Drive(path=tmp_path / "second.img"),), memory_mib=512)
    with boot(machine) as console:
        end = console.expect(r"^token 42$", 90).start()
        assert dict(re.findall(r"^(\w+)=(.*?)\r?$", console.text[:end], re.MULTILINE)) == TOLD
        assert console.wait_off(30) == 0


def push(registry: Registry, name: str) -> str:
    return f"type=image,name={registry.host}/{name},push=true"


def build_file(directory: Path, text: str, registry: Registry) -> Path:
    """Return a context with this build file."""
    directory.mkdir()
    (directory / "claylinux.yaml").write_text(text.format(host=registry.host))
    return directory
