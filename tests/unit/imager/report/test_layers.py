"""What the layers of an image still have, and keys that no package brought."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from imager.report import layers
from imager.requests.sealing import Layers
from tests.support.imager import EPOCH
from tests.unit.imager.initramfs.test_seal import KEY, fill


def found(tmp_path: Path, *trees: str, keep: tuple[str, ...] = ()) -> dict[str, object]:
    out = tmp_path / "out.json"
    below = tuple(str(tmp_path / each) for each in trees)
    layers.run(Layers(system=str(tmp_path / "system"), output=str(out), epoch=EPOCH, tree=below, keep=keep))
    assert out.stat().st_mtime == EPOCH
    told: dict[str, object] = json.loads(out.read_text())
    return told


def test_what_some_layer_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "one", "etc/ssh/ssh_host_rsa_key", "etc/hostid", "etc/fstab")
    fill(tmp_path / "two", "etc/hostid", "etc/nvme/hostid")
    fill(tmp_path / "system", "srv/server.key", "srv/other.key", content=KEY)
    assert found(tmp_path, "one", "two", keep=("/etc/nvme/hostid", "/srv/other.key")) == {
        "identities": ["etc/hostid", "etc/ssh/ssh_host_rsa_key"],
        "private_keys": ["srv/server.key"],
    }
    told = "because layers keep what later ones remove: /etc/hostid, /etc/ssh/ssh_host_rsa_key\n"
    assert capsys.readouterr().out.endswith(told)


@pytest.mark.parametrize(
    ("count", "end"), [(5, "/etc/ssh/ssh_host_4_key\n"), (6, "/etc/ssh/ssh_host_4_key and 1 more\n")]
)
def test_a_long_list_is_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str], count: int, end: str) -> None:
    (tmp_path / "system").mkdir()
    fill(tmp_path / "one", *(f"etc/ssh/ssh_host_{number}_key" for number in range(count)))
    assert len(found(tmp_path, "one")["identities"]) == count  # type: ignore[arg-type]
    assert capsys.readouterr().out.endswith(end)


def test_nothing_is_told_where_there_is_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "system").mkdir()
    assert found(tmp_path, "system") == {"identities": [], "private_keys": []}
    assert capsys.readouterr().out == ""
