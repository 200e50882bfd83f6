"""Outputs that enroll keys: alone they build no system, and of the keys a build gets only what is public."""

from __future__ import annotations

import json

import pytest

import llb
from tests.support.fake_client import FakeClient
from tests.support.whole_request import BOOTABLE, ask, names, places, told

KEYS = {f"keys/{name}.auth": b"" for name in ("PK", "KEK", "db")}
SIGNING = "secure_boot: {certificate: {source: keys/db.crt}, key: {secret: db.key}, enroll: keys}\n"


def build(text: str, target: str = "", *without: str) -> FakeClient:
    files = {"keys/db.crt": b"", **KEYS, "/uki.json": b'{"size": 1000}'}
    found = {path: data for path, data in files.items() if path not in without}
    return ask(text, FakeClient(outputs={**BOOTABLE, **found}), **({"target": target} if target else {}))


def outputs(client: FakeClient) -> list[str]:
    assert client.error is None, client.error
    return [name for name in names(client) if name.startswith(("[output]", "[secure", "[uki]"))]


@pytest.mark.parametrize(
    ("listed", "target"), [("[enroll, ovmf-vars]", ""), ("[raw]", "enroll"), ("[raw]", "ovmf-vars")]
)
def test_alone_they_need_no_system_and_no_private_key(listed: str, target: str) -> None:
    client = build(f"base: debian\noutputs: {listed}\n{SIGNING}", target)
    wanted = {"": ["claylinux.enroll.iso", "claylinux.vars.fd"], "enroll": ["claylinux.enroll.iso"]}
    assert outputs(client) == [f"[output] {name}" for name in wanted.get(target, ["claylinux.vars.fd"])]
    graph = "".join(name for solved in client.solved for name in (each.name for each in solved.vertices.values()))
    assert "packages" not in graph and "db.key" not in str(client.solved)


def test_with_a_system_they_are_beside_it() -> None:
    client = build(f"base: debian\noutputs: [raw, enroll]\n{SIGNING}")
    assert outputs(client)[-2:] == ["[output] claylinux.img", "[output] claylinux.enroll.iso"]


def test_a_disk_never_enrolls() -> None:
    assert not any(
        "enroll" in name for name in outputs(build(f"base: debian\noutputs: [raw, enroll]\n{SIGNING}", "raw"))
    )


def test_a_build_asks_for_public_files_only() -> None:
    client = build(f"base: debian\noutputs: [enroll]\n{SIGNING}")
    lines = "".join(llb.dump(each) for each in client.solved).splitlines()
    followed = {json.loads(line.partition(": ")[2]) for line in lines if "[local.followpaths]" in line}
    asked = {path for each in followed for path in json.loads(each)}
    assert {"keys/PK.auth", "keys/KEK.auth", "keys/db.auth", "keys/dbx.auth", "keys/db.crt"} <= asked
    assert not any(path.endswith(".key") or path in ("keys", ".", "") for path in asked)


def test_a_missing_update_is_told_at_its_line_but_dbx_is_optional() -> None:
    client = build(f"base: debian\noutputs: [enroll]\n{SIGNING}", "", "keys/KEK.auth")
    assert told(client).startswith("`secure_boot`: enroll: `keys/KEK.auth` is not in the build context")
    assert places(client) == [3]


@pytest.mark.parametrize(
    "text", ["base: debian\n", "base: debian\nsecure_boot: {certificate: {source: keys/db.crt}}\n"]
)
def test_a_target_without_keys_says_what_is_missing(text: str) -> None:
    assert told(build(text, "enroll")) == "`--target enroll` needs keys: write `secure_boot: {enroll: keys}`"
