"""What takes the space: packages, folders, parts of the UKI."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from imager.report import sizes
from imager.requests.reports import Sizes
from imager.rootfs import owners
from imager.rootfs.root import Root
from imager.uki import layout
from tests.support.imager import EPOCH, make_pe, make_system

APK = """\
C:Q1
P:busybox
F:bin
R:busybox
F:
R:top

P:musl
F:lib
R:ld.so
a:0:0:755
"""


@pytest.fixture
def system(tmp_path: Path) -> Path:
    path = make_system(tmp_path / "system")
    (path / "lib").symlink_to("usr/lib")
    for name, size in {
        "usr/lib/big.so": 3_000_000,
        "usr/lib/modules/6.1.0-1-amd64/kernel/x.ko": 50_000,
        "usr/lib/firmware/f.bin": 70_000,
        "usr/share/doc/a/deep/b": 20_000,
        "usr/bin/tool": 1_000,
        "empty": 0,
    }.items():
        place = path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(os.urandom(size) if "big" in name else b"a" * size)
    os.link(path / "usr/bin/tool", path / "usr/bin/same")
    info = path / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    (info / "libbig:amd64.list").write_text("/.\n/lib\n/lib/big.so\n")
    (info / "tool.list").write_text("/usr/bin/tool\n/usr/share/doc/a/deep/b\n/usr/gone\n")
    (info / "tool.md5sums").write_text("0 usr/lib/big.so\n")
    return path


def measured(system: Path, layers: layout.Partition | None = None, **options: Any) -> tuple[dict[str, Any], str]:
    uki = system.parent / "uki.json"
    sections = {".linux": 40, ".initrd": 2_000_100, ".osrel": 5}
    layout.write(str(uki), EPOCH, "amd64", 2_001_000, sections, [(0, make_pe(room=0x400))], layers=layers)
    out, text, page = (system.parent / f"r.{ending}" for ending in ("json", "txt", "html"))
    places: dict[str, Any] = {"output": str(out), "text": str(text), "page": str(page)}
    sizes.run(Sizes(system=str(system), uki=str(uki), name="box", epoch=EPOCH, **places, **options))
    found: dict[str, Any] = json.loads(out.read_text())
    return found, text.read_text()


def test_files_belong_to_packages_wherever_these_say_they_are(system: Path) -> None:
    (system / "usr/lib/apk/db").mkdir(parents=True)
    (system / "usr/lib/apk/db/installed").write_text(APK)
    found = owners.package_by_path(Root(system))
    assert found["usr/lib/big.so"] == "libbig"
    assert (found["usr/bin/tool"], found["bin/busybox"]) == ("tool", "busybox")
    assert (found["top"], found["usr/lib/ld.so"]) == ("busybox", "musl")


def test_every_file_counts_once(system: Path) -> None:
    found, _ = measured(system)
    rows = {row["name"]: (row["size"], row["files"]) for row in found["packages"]}
    assert rows["libbig"] == (3_000_000, 1)
    # Of the two names of a file, the first one in the order of the archive counts.
    assert rows["tool"] == (20_000, 1)
    assert [*rows] == ["libbig", "tool"]
    assert found["firmware"]["size"] == 70_000
    assert found["modules"]["size"] == 50_000
    total = found["system"]
    assert sum(size for size, _ in rows.values()) + found["unpackaged"]["size"] == total["size"]
    assert sum(row["size"] for row in found["directories"]) == total["size"]
    assert sum(row["files"] for row in found["directories"]) == total["files"]
    assert {
        key: row[key] for row in found["directories"] if row["path"] == "/usr/share/doc" for key in ("path", "size")
    } == {"path": "/usr/share/doc", "size": 20_000}


def test_what_is_left_out_is_told(system: Path) -> None:
    found, text = measured(system, exclude=("*.so", "/usr/lib/", "nothing"))
    assert found["excluded"] == [
        {"pattern": "*.so", "size": 0, "files": 0},  # below a directory that is left out as a whole
        {"pattern": "/usr/lib/", "size": 3_120_000, "files": 3},
        {"pattern": "nothing", "size": 0, "files": 0},
    ]
    assert (found["modules"]["size"], found["firmware"]["size"]) == (0, 0)
    assert "left out by `rootfs.exclude`                              3.0M                    3\n" in text
    assert measured(system)[0]["excluded"] == []
    assert "rootfs.exclude" not in measured(system)[1]


def test_a_system_on_the_disk_is_not_in_the_uki(system: Path) -> None:
    found, text = measured(system, layout.Partition("", 3_145_728, ()))
    assert (found["disk"], found["uki"]["system"], found["uki"]["rest"]) == (3_145_728, 0, 2_001_000 - 40)
    compressed = [row["compressed"] for row in (*found["packages"], found["unpackaged"])]
    assert sum(compressed) == pytest.approx(3_145_728, abs=10)
    assert "system, beside it on the disk                             3.0M  compressed; " in text
    assert "\n  system" not in text
    assert measured(system)[0]["disk"] == 0


def test_what_compresses_well_weighs_little(system: Path) -> None:
    (system / "boot/amd-ucode.img").write_bytes(b"m" * 100)
    found, text = measured(system, unpacked=80 << 20, mode="tmpfs")
    assert {key: found["uki"][key] for key in ("kernel", "microcode", "system")} == {
        "kernel": 40,
        "microcode": 100,
        "system": 2_000_000,
    }
    big = next(row for row in found["packages"] if row["name"] == "libbig")
    assert 1_900_000 < big["compressed"] < 2_000_000
    assert abs(sum(row["compressed"] for row in found["directories"]) - 2_000_000) < 10
    held = {each["moment"]: each["size"] for each in found["memory"]}
    assert found["ram"] == held["unpacking"] == 2_001_000 + (160 + 128 << 20)
    assert [*held] == ["loading", "unpacking", "running"]
    assert "RAM to boot                                             289.9M  estimate, tmpfs\n" in text
    assert "\n  libbig  " in text


def test_the_same_system_gives_the_same_bytes(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = measured(system), capsys.readouterr().out
    for path in system.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    assert (measured(system), capsys.readouterr().out) == first
    assert first[1] == first[0][1]
    assert (system.parent / "r.json").stat().st_mtime == EPOCH


def test_an_empty_system_has_a_report(tmp_path: Path) -> None:
    (tmp_path / "system").mkdir()
    found, text = measured(tmp_path / "system")
    assert found["system"] == {"files": 0, "size": 0}
    assert found["ram"] is None
    assert "RAM" not in text


def test_what_the_kernel_key_left_out(system: Path, tmp_path: Path) -> None:
    assert measured(system)[0]["kernel"] == {"removed": 0, "beyond": []}
    early, late = tmp_path / "early.json", tmp_path / "late.json"
    early.write_text(json.dumps({"removed": {"modules": 5 << 20, "firmware": 0}, "beyond": {"6.1": ["snd", "i915"]}}))
    late.write_text(json.dumps({"removed": {"modules": 0, "firmware": 1 << 20}}))
    found, text = measured(system, kernel_tree=(str(early), str(late)))
    assert found["kernel"] == {"removed": 6 << 20, "beyond": ["i915", "snd"]}
    assert re.search(r"^left out by `kernel` +6\.0M$", text, re.M)
    assert "2 modules that only a machine asks for: i915, snd\n" in text


def test_a_file_that_is_left_out_counts_like_one_in_a_directory(system: Path) -> None:
    found, _ = measured(system, exclude=("/usr/lib/big.so", "/usr/share/"))
    assert [(each["size"], each["files"]) for each in found["excluded"]] == [(3_000_000, 1), (20_000, 1)]
