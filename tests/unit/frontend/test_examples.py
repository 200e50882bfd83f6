"""Every example gives a graph, for each of its platforms: no engine is needed to see that its keys fit each other."""

from __future__ import annotations

import json

import pytest

import llb
from tests.support.fake_client import FakeClient
from tests.support.places import ROOT
from tests.support.whole_request import BOOTABLE, REPORT, ask

EXAMPLES = ROOT / "examples"
CASES = sorted(path.parent.name for path in EXAMPLES.glob("*/claylinux.yaml"))


@pytest.mark.parametrize("platform", ["amd64", "arm64"])
@pytest.mark.parametrize("name", CASES)
def test_an_example_can_be_planned(name: str, platform: str) -> None:
    folder = EXAMPLES / name
    text = (folder / "claylinux.yaml").read_text()
    files = {"usr/bin/true": b"", "bin/busybox": b""}  # of images
    files |= {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    folders = frozenset(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_dir())
    kernels = [{"version": "6.12", "path": "boot/vmlinuz-6.12", "machine": platform}]
    report = json.dumps({**REPORT, "kernels": kernels, "init_machine": platform, "missing": {}}).encode()
    outputs = {**BOOTABLE, "/report.json": report, "/uki.json": b'{"size": 1000}'}
    made = llb.marshal(llb.image("debian:trixie", name="[rootfs 1/1] FROM debian:trixie"))
    client = FakeClient(files=files, outputs=outputs, folders=folders, other_frontend=made)
    options = {"context:web": "local:web", "platform": f"linux/{platform}", "build-arg:VERSION": "1.2.3"}
    if "VERSION:" not in text:
        del options["build-arg:VERSION"]
    client = ask(text, client, **options)
    assert client.error is None, client.error
    names = [vertex.name for vertex in client.solved[-1].vertices.values()]
    assert any(each.startswith("[output] ") for each in names)
    # One file for both platforms is told what only one of them has.
    assert [each for each in client.warned if platform == "amd64" or "microcode" not in each] == []
