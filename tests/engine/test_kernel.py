"""The key `kernel` with a real Debian kernel, depmod and modprobe; the size report; `limits`."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from tests.support.engine import BuildResult, Engine, digests

pytestmark = pytest.mark.engine

TEXT = """\
# syntax=claylinux/frontend
name: box
base: debian-cloud
kernel:
  modules: {load: [dummy], include: [br_netfilter, /fs/btrfs], exclude: [xor]}
  firmware: none
run:
  - |
    v=$(ls /usr/lib/modules)
    modprobe --set-version "$v" --show-depends br_netfilter > /needs
    modprobe --set-version "$v" --show-depends rtnl-link-dummy > /alias
    if modprobe --set-version "$v" --show-depends xt_recent 2>/dev/null; then exit 1; fi
"""


def build(engine: Engine, directory: Path, text: str, *args: str) -> BuildResult:
    directory.mkdir(exist_ok=True)
    (directory / "claylinux.yaml").write_text(text)
    return engine.buildx(directory, *args)


def test_modules_are_reduced_and_found_by_modprobe(engine: Engine, tmp_path: Path) -> None:
    """The step is deterministic, and changes after the packages do not repeat it."""
    archive = tmp_path / "system.tar"
    trees = [tmp_path / "first", tmp_path / "second"]
    for tree in trees:
        args = ("--target=image", f"--output=type=tar,dest={archive}", "--no-cache-filter=kernel")
        build(engine, tmp_path / "project", TEXT, *args).check()
        with tarfile.open(archive) as tar:
            wanted = [
                member for member in tar if member.name.startswith(("usr/lib/modules", "needs", "alias", "etc/modu"))
            ]
            tar.extractall(tree, wanted, filter="data")
    tree = trees[0]
    assert digests(tree) == digests(trees[1])
    names = {path.name.partition(".")[0] for path in tree.rglob("*.ko*")}
    assert {"dummy", "br_netfilter", "bridge", "stp", "llc", "btrfs", "loop", "overlay", "squashfs"} <= names
    assert "xor" in names, "btrfs needs it"
    assert len(names) < 40
    (directory,) = (tree / "usr/lib/modules").iterdir()
    listed = [line.partition(":")[0] for line in (directory / "modules.dep").read_text().splitlines()]
    assert sorted(listed) == sorted(str(path.relative_to(directory)) for path in directory.rglob("*.ko*"))
    needs = [line.rpartition("/")[2].partition(".")[0] for line in (tree / "needs").read_text().splitlines()]
    assert needs[-2:] == ["bridge", "br_netfilter"]
    assert set(needs) == {"llc", "stp", "bridge", "br_netfilter"}
    assert (tree / "alias").read_text().partition("dummy.ko")[1]
    assert (tree / "etc/modules-load.d/claylinux.conf").read_text() == "dummy\n"
    other = build(
        engine, tmp_path / "project", TEXT + "files: {/etc/motd: x}\n", "--target=image", "--output=type=cacheonly"
    )
    assert "[kernel] modules, firmware none" in other.check().cached


def test_limits_and_the_report(engine: Engine, tmp_path: Path) -> None:
    text = TEXT + "limits: {uki: 16M, ram: 4G}\noutputs: [efi]\n"
    failed = build(engine, tmp_path / "project", text, "--output=type=cacheonly")
    assert failed.returncode != 0
    line = next(line for line in failed.log.splitlines() if "limits.uki" in line)
    assert line.startswith("ERROR: failed to solve: `limits.uki`: the UKI is ")
    assert line.endswith("M, more than the limit of 16M")
    assert ">>> limits: {uki: 16M" in failed.log
    assert "the largest parts, unpacked: " in failed.log
    out = tmp_path / "out"
    built = engine.buildx(tmp_path / "project", target="report", output=out).check()
    assert "limits.uki" in built.log
    assert sorted(path.name for path in out.iterdir()) == [f"box.report.{ending}" for ending in ("html", "json", "txt")]
    report = json.loads((out / "box.report.json").read_text())
    assert report["name"] == "box"
    assert 16 << 20 < report["uki"]["size"] < report["system"]["size"] < report["ram"] < 4 << 30
    assert {row["name"] for row in report["packages"]} >= {"libc6", "systemd", "kmod"}
