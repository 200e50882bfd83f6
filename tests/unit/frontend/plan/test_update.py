"""What a build of a system with `update` asks the engine for: keys where they are needed, one UKI, layers."""

from __future__ import annotations

import pytest

import llb
from tests.support.fake_client import FakeClient
from tests.support.whole_request import BOOTABLE, ask, names, places, told

FILES = {"key": b"", "db.crt": b"", "/uki.json": b'{"size": 1000}', "/uki.pieces": b"piece aa 0 9\npiece bb 9 9\n"}
HEAD = "base: debian\nname: web\nversion: 1.4.0\noutputs: [raw, iso, efi]\n"
OWN = HEAD + "update: {key: {secret: update.key, public: key}}\n"
SECURE_BOOT = HEAD + "update: {}\nsecure_boot: {certificate: {source: db.crt}, key: {secret: db.key}}\n"


def build(text: str, target: str = "") -> FakeClient:
    return ask(text, FakeClient(outputs={**BOOTABLE, **FILES}), **({"target": target} if target else {}))


def graph(client: FakeClient) -> str:
    assert client.error is None, client.error
    return "".join(llb.dump(each) for each in client.solved)


@pytest.mark.parametrize(("text", "secret"), [(OWN, "update.key"), (SECURE_BOOT, "db.key")], ids=["own", "secure-boot"])
@pytest.mark.parametrize("target", ["", "raw", "update", "image", "report", "sbom"])
def test_only_what_is_published_needs_the_private_key(text: str, secret: str, target: str) -> None:
    found = graph(build(text, target))
    signs = target in ("", "raw", "update")
    checks_secure_boot = secret == "db.key" and target == "report"
    assert (f'"{secret}"' in found) == (signs or checks_secure_boot)
    # Whatever is built, the system trusts the same key.
    assert '"update.Update"' in found
    assert ('"update.Index"' in found) == signs


def test_all_outputs_carry_one_program_with_one_index() -> None:
    client = build(OWN)
    found = graph(client)
    last = llb.dump(client.solved[-1])
    assert last.count('"update.Index"') == 1
    assert last.count('"/update/made/uki.json"') == 3
    assert "panic=30 claylinux.on_failure=reboot console=tty0" in found


@pytest.mark.parametrize(
    ("cmdline", "expected"),
    [
        ("panic=5 quiet", "claylinux.on_failure=reboot panic=5 quiet"),
        ("claylinux.on_failure=shell", "panic=30 claylinux.on_failure=shell"),
    ],
)
def test_a_word_that_is_there_stays(cmdline: str, expected: str) -> None:
    assert f'"--cmdline", "{expected}"' in graph(build(f"{OWN}kernel: {{cmdline: {cmdline}}}\n"))


def test_each_piece_is_a_layer_upon_the_one_before() -> None:
    client = build(OWN, "update")
    assert client.error is None, client.error
    layers = [f"[update] layer {name}" for name in ("0", "1", "last")]
    assert [name for name in names(client) if name.startswith("[update] layer")] == layers


def test_pieces_of_a_system_that_does_not_update_itself_are_told() -> None:
    client = build("base: debian\n", "update")
    assert told(client).startswith("`--target update` needs the key `update`: write `update: {key: ")
    assert places(client) == [1]


def test_a_public_key_that_is_missing_is_told_at_its_line() -> None:
    client = build(OWN.replace("public: key", "public: keys/update.pub"))
    assert "`update`: key: `keys/update.pub` is not in the build context" in told(client)
    assert places(client) == [5]
