"""The explanation that a test of reproducible builds gives."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from imager import contract
from imager.__main__ import main
from tests.support.differ import explain, first_difference
from tests.support.imager import EPOCH, make_pe, make_system, output_of


def build(folder: Path, motd: str) -> Path:
    """A UKI, and a disk that holds it, of a system with this file."""
    folder.mkdir()
    system = make_system(folder / "system")
    (system / "etc/motd").write_text(motd)
    (folder / "init").write_bytes(b"init")
    (folder / "stub").write_bytes(make_pe())
    at: dict[str, Any] = {"system": str(system), "epoch": EPOCH}
    pack = contract.Initramfs(init=str(folder / "init"), output=str(folder / "initrd"), compression="zstd:1", **at)
    join = contract.Uki(
        kernel_version="6.1.0-1-amd64", initrd=(str(folder / "initrd"),), cmdline="quiet", architecture="amd64",
        stub=str(folder / "stub"), output=str(folder / "x.json"), **at,
    )  # fmt: skip
    disk = contract.Raw(uki=str(folder / "x.json"), output=str(folder / "x.raw"), architecture="amd64", epoch=EPOCH)
    for request in (pack, join, output_of(join, folder / "x.efi"), disk):
        assert main(list(request.argv())) == 0
    return folder


def test_the_first_byte_is_found(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"a" * (3 << 20))
    other.write_bytes(b"a" * (2 << 20) + b"b" + b"a" * ((1 << 20) - 1))
    assert first_difference(one, one) is None
    assert first_difference(one, other) == 2 << 20
    other.write_bytes(b"a" * 5)
    assert first_difference(one, other) == 5


def test_it_is_told_what_the_byte_belongs_to(tmp_path: Path) -> None:
    one, other = build(tmp_path / "one", "hello"), build(tmp_path / "other", "HELLO")
    assert explain(one / "x.efi", one / "x.efi") == ""
    assert explain(one / "x.efi", other / "x.efi").endswith("content or metadata of etc/motd")
    told = explain(one / "x.raw", other / "x.raw", one / "x.efi")
    assert ("x.raw differs first at byte" in told and "section .initrd" in told) or "outside of the UKI" in told
    subprocess.run(["cp", one / "x.raw", tmp_path / "x.raw"], check=True)
    with (tmp_path / "x.raw").open("r+b") as file:
        file.seek(512)
        file.write(b"x")
    assert explain(one / "x.raw", tmp_path / "x.raw", one / "x.efi").endswith("the GPT header, outside of the UKI")
