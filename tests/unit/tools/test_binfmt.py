"""What the kernel is asked to run with QEMU, and how that is recognised; a folder stands for binfmt_misc."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from localengine import binfmt

ENTRY = """\
enabled
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: {flags}
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(binfmt, "DIRECTORY", tmp_path)
    monkeypatch.setattr(binfmt, "find_on_host", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    (tmp_path / "register").touch()
    (tmp_path / "status").write_text("enabled\n")
    return tmp_path


def test_the_rule_is_the_one_of_the_kernels_documentation(directory: Path) -> None:
    assert not binfmt.is_registered()
    assert binfmt.register() == ""
    name, kind, offset, magic, mask, interpreter, flags = (directory / "register").read_text().strip()[1:].split(":")
    assert (name, kind, offset, interpreter, flags) == ("qemu-aarch64", "M", "0", "/usr/bin/qemu-aarch64-static", "F")
    assert magic.startswith(r"\x7f\x45\x4c\x46\x02\x01\x01\x00") and magic.endswith(r"\x02\x00\xb7\x00")
    assert len(magic) == len(mask)


@pytest.mark.parametrize(("flags", "reaches_containers"), [("F", True), ("POCF", True), ("POC", False), ("", False)])
def test_a_rule_of_others_is_enough_if_it_reaches_containers(
    directory: Path, flags: str, reaches_containers: bool
) -> None:
    (directory / "aarch64").write_text(ENTRY.format(flags=flags))
    assert binfmt.is_registered() is reaches_containers
    (directory / "aarch64").write_text(ENTRY.format(flags=flags).replace("enabled", "disabled"))
    assert not binfmt.is_registered()


def test_without_an_interpreter_the_package_is_named(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binfmt, "find_on_host", lambda name: None)
    assert binfmt.register() == "qemu-aarch64-static is missing (the package qemu-user-static)"


def test_a_processor_of_its_own_needs_no_rule(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert binfmt.register() == ""
    assert (directory / "register").read_text() == ""
