"""The same input gives the same signed bytes: on another engine or day, for another user, after a power failure."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from spec.formats import FORMATS
from tests.support.differ import explain, first_difference
from tests.support.elsewhere import AS_NOBODY, NOBODY, ONE_PROCESSOR, STRANGER, late_runc
from tests.support.engine import Engine, digests
from tests.support.secure_boot import make_signer

pytestmark = pytest.mark.engine

BUILD_FILE = """\
# syntax=claylinux/frontend
name: same
base: debian-cloud
packages: [nginx-light, openssh-server]
users: [{name: admin, groups: [sudo]}]
files:
  /srv: {source: tree}
  /etc/motd: "hello\\n"
run: ["date +clock=%s; echo cores=$(nproc); mkdir -p /opt/app; echo 1 > /opt/app/file"]
services: [nginx]
secure_boot: {certificate: {source: db.crt}, key: {secret: db.key}, pcr_key: {secret: pcr.key}}
outputs: [raw, iso, efi, qcow2, vmdk, vhdx, vhd, vdi]
"""
OTHER_ENGINE = "sid"
"""The second engine is the newest in Debian."""
AHEAD = 30 * 3600
"""The difference between the clocks in seconds: another day, but within a week, while repository signatures hold."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    directory = tmp_path / "project"
    (directory / "tree").mkdir(parents=True)
    (directory / "claylinux.yaml").write_text(BUILD_FILE)
    for name in ("b", "a", "c"):
        (directory / "tree" / name).write_text(name * 1000)
    shutil.copy(make_signer(tmp_path).certificate, directory)
    make_signer(tmp_path, "pcr").key.chmod(0o644)
    (tmp_path / "db.key").chmod(0o644)  # the other client is another user
    return directory


def keys(project: Path) -> tuple[str, ...]:
    return tuple(f"--secret=id={name},src={project.parent / name}" for name in ("db.key", "pcr.key"))


def copy_from_another_day(project: Path, to: Path) -> Path:
    """Copy the files as another checkout would have them: created in another order, years apart, with another umask."""
    old = os.umask(0o077)
    try:
        shutil.copytree(project, to, copy_function=shutil.copyfile)
    finally:
        os.umask(old)
    for number, path in enumerate(sorted(to.rglob("*"), reverse=True)):
        path.chmod(0o755 if path.is_dir() else 0o644)  # modes are content; times and order are not
        os.utime(path, (10**9 + number, 10**9 + number))
        os.chown(path, NOBODY, NOBODY)
    return to


def test_same_bytes_on_two_engines_and_after_a_power_failure(
    engine: Engine, throwaway_engine: Callable[..., Engine], project: Path, tmp_path: Path
) -> None:
    """A cold build, and one on a newer engine elsewhere, interrupted halfway and started again.

    Elsewhere means another clock, one processor, and a client of another user with another umask and locale.
    """
    first = engine.buildx(project, *keys(project), output=tmp_path / "first", no_cache=True).check()
    endings = ("pcrs.json", *(each.extension for each in FORMATS.values()))
    assert sorted(digests(tmp_path / "first")) == sorted(f"same.{each}" for each in endings)

    late = late_runc(tmp_path / "bin", AHEAD)
    other = throwaway_engine(OTHER_ENGINE, path=late, before=ONE_PROCESSOR)
    copy = copy_from_another_day(project, tmp_path / "another day")
    killer = threading.Timer(12.0, other.kill)
    killer.start()
    cut_off = other.buildx(copy, *keys(project), output=tmp_path / "cut off")
    killer.cancel()
    assert cut_off.returncode != 0, "the build ended before the engine was killed"
    time.sleep(1)
    other = throwaway_engine(OTHER_ENGINE, path=late, before=ONE_PROCESSOR)
    stranger = replace(other, env={**other.env, **STRANGER}, client=AS_NOBODY)
    old = os.umask(0o027)
    try:
        second = stranger.buildx(copy, *keys(project), output=tmp_path / "second").check()
    finally:
        os.umask(old)
    assert "cannot be preloaded" not in second.log
    here, elsewhere = told(first.log), told(second.log)
    assert elsewhere["clock"] - here["clock"] > AHEAD
    assert (here["cores"], elsewhere["cores"]) == (len(os.sched_getaffinity(0)), 1)
    assert {path.stat().st_uid for path in (tmp_path / "second").iterdir()} == {NOBODY}
    same_files(tmp_path / "first", tmp_path / "second")
    validators_are_content(tmp_path / "first", tmp_path)


def told(log: str) -> dict[str, int]:
    """Return the run step's output about its machine."""
    return {name: int(value) for name, value in re.findall(r"^#\d+ [\d.]+ (clock|cores)=(\d+)$", log, re.MULTILINE)}


def same_files(one: Path, other: Path) -> None:
    """Fail with the position and the meaning of the first byte that differs."""
    names = sorted(path.name for path in one.iterdir())
    assert names == sorted(path.name for path in other.iterdir())
    uki = next(one.glob("*.efi"))
    # The UKI first, because every other file contains it.
    for name in sorted(names, key=lambda each: (not each.endswith(".efi"), each)):
        assert explain(one / name, other / name, uki) == ""


def validators_are_content(out: Path, scratch: Path) -> None:
    """The usual tools for checking images find no problem."""

    def said(*argv: str | Path) -> str:
        done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    for name in ("qcow2", "vmdk", "vhdx", "vdi"):
        assert "No errors were found" in said("qemu-img", "check", out / f"same.{name}")
        raw = scratch / "converted.raw"
        said("qemu-img", "convert", "-O", "raw", out / f"same.{name}", raw)
        assert first_difference(out / "same.img", raw) in (None, (out / "same.img").stat().st_size)
    assert "file format: vpc" in said("qemu-img", "info", "-f", "vpc", out / "same.vhd")
    assert "No problems found" in said("sgdisk", "-v", out / "same.img")
    sector = int(said("sgdisk", "-i", "1", out / "same.img").partition("First sector: ")[2].split()[0])
    partition = scratch / "esp"
    said("dd", f"if={out / 'same.img'}", f"of={partition}", "bs=512", f"skip={sector}", "conv=sparse", "status=none")
    said("fsck.fat", "-n", partition)
    assert "Boot record" in said("xorriso", "-indev", out / "same.iso")
    assert ".initrd" in said("objdump", "-h", out / "same.efi")
    assert "signature certificates" in said("sbverify", "--list", out / "same.efi")


def test_every_kind_of_time_stamp_follows_the_epoch(engine: Engine, project: Path, tmp_path: Path) -> None:
    """SOURCE_DATE_EPOCH sets the dates in the image; another value gives other bytes, the same value the same bytes."""
    built = {}
    for number, epoch in enumerate(("1700000000", "1600000000", "1700000000")):
        out = tmp_path / str(number)
        arguments = {"SOURCE_DATE_EPOCH": epoch}
        engine.buildx(
            project, *keys(project), output=out, target="raw", build_args=arguments, no_cache=number == 2
        ).check()
        assert (out / "same.img").stat().st_mtime == int(epoch)
        built[number] = digests(out)
    assert built[0] != built[1]
    assert built[0] == built[2]
