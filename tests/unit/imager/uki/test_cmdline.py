"""Signed command lines: closed, and short enough for the kernel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.uki import cmdline, signed
from imager.uki.layout import Signer
from tests.support.imager import EPOCH, read_newc
from tests.unit.imager.uki.test_sections import build, system

__all__ = ["system"]

ADDED = "lockdown=integrity systemd.import_credentials=no systemd.gpt_auto=no"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("console=ttyS0 quiet", f"console=ttyS0 quiet {ADDED} --"),
        ("", f"{ADDED} --"),
        ("quiet -- single", f"quiet {ADDED} -- single"),
        ("quiet --", f"quiet {ADDED} --"),
        ('quiet note="a -- b" x', f'quiet note="a -- b" x {ADDED} --'),
        ("lockdown=none", "lockdown=none systemd.import_credentials=no systemd.gpt_auto=no --"),
        ("systemd.import_credentials=yes", "systemd.import_credentials=yes lockdown=integrity systemd.gpt_auto=no --"),
        # Behind the end, a word says nothing to the kernel.
        ("quiet -- lockdown=none", f"quiet {ADDED} -- lockdown=none"),
        ("xlockdown=none", f"xlockdown=none {ADDED} --"),
    ],
)
def test_a_signed_command_line_is_closed(line: str, expected: str) -> None:
    assert cmdline.closed(line) == expected
    assert cmdline.closed(expected) == expected


def test_an_end_that_is_not_clear_is_refused() -> None:
    """Within quotation marks, `--` ends nothing, and neither does what the kernel cuts off."""
    with pytest.raises(ImagerError, match="a quotation mark too few"):
        cmdline.closed('note="a')
    with pytest.raises(ImagerError, match="kernels read 2,047"):
        cmdline.closed("x" * 2047)


@pytest.mark.slow
def test_init_is_told_first(system: Path) -> None:
    """Before all segments: memory may suffice for no more."""
    assert b"signed" not in build(system)
    place = system.parent / "signer.json"
    place.write_text(json.dumps({"subject": "CN=Zoë", "sha256": "ab" * 32}))
    program = build(system, signer=str(place))
    line = f"console=ttyS0 quiet {ADDED} --"
    told = signed.archive(Signer("CN=Zoë", "ab" * 32), line, EPOCH)
    assert program.index(told) < program.index(b"1" * 5001)
    directory, file = read_newc(told)
    assert file.data.decode().split("\0") == [
        line,
        f"this image is signed by CN=Zoë (certificate SHA-256 {'ab' * 32})",
        f'{{"schema": 1, "subject": "CN=Zoë", "sha256": "{"ab" * 32}"}}\n',
        "",
    ]
    assert (directory.name, file.name) == (b".claylinux", b".claylinux/signed")
