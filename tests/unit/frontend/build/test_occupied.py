"""Paths of `files` at which the system has something else."""

from __future__ import annotations

import pytest

from tests.support.fake_client import FakeClient
from tests.support.whole_request import BOOTABLE, ask

SYSTEM = {"/etc": None, "/etc/passwd": b"root", "/bin": None}


def build(files: str) -> FakeClient:
    found = {path: content for path, content in SYSTEM.items() if content is not None}
    folders = frozenset(path for path, content in SYSTEM.items() if content is None)
    return ask(f"base: debian\nfiles:\n{files}", FakeClient(outputs={**BOOTABLE, **found}, folders=folders))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("/bin: x", "/bin cannot become a file, because it is a directory in the system: name the file in it, such as"),
        ("/bin: {url: 'https://x.example/y'}", "/bin cannot become a file"),
        ("/etc/passwd/new/x: x", "/etc/passwd/new/x cannot be made, because `/etc/passwd` is a file in the system"),
        ("/etc/passwd: {directory: true}", "/etc/passwd cannot become a directory, because it is a file in the system"),
    ],
)
def test_each_is_an_error_at_its_line(entry: str, message: str) -> None:
    client = build(f"  /etc/new: x\n  {entry}\n")
    assert client.error is not None
    assert f"`files`: {message}" in client.error.message


def test_all_are_told_at_once() -> None:
    client = build("  /bin: x\n  /etc/passwd/x: y\n")
    assert client.error is not None
    assert len(client.error.message.splitlines()) == 2


@pytest.mark.parametrize(
    "entry", ["/etc/passwd: x", "/opt/new/x: y", "/bin: {symlink: usr/bin}", "/etc: {directory: true}"]
)
def test_what_can_be_written(entry: str) -> None:
    assert build(f"  {entry}\n").error is None
