"""What a stranger can plant in a system: links, pipes, files without end, few bytes that become many.

docs/internals/trust.md lists the doors that these tests are about.
"""

from __future__ import annotations

import gzip
import lzma
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from imager.__main__ import main
from imager.customize import users
from imager.kernel import firmware, microcode, modfile
from imager.report import inspection
from imager.requests.accounts import Users
from imager.requests.files import Directories
from imager.requests.identity import Identity
from imager.requests.kernel import KernelTree
from imager.rootfs import osrelease, text, writing
from imager.rootfs.root import Root
from spec.accounts import User
from spec.files import Directory
from spec.values.types import Owner
from tests.support.hostile import MODULES, make_accounts, refused, within
from tests.support.imager import EPOCH


@pytest.fixture
def system(tmp_path: Path) -> Path:
    return make_accounts(tmp_path / "system")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    place = tmp_path / "outside"
    place.mkdir()
    (place / "secret").write_text("of the builder\n")
    return place


def add_user(system: Path, **changes: object) -> None:
    users.run(Users(system=str(system), user=(User(name="me", **changes),), epoch=EPOCH))  # type: ignore[arg-type]


class TestPlanted:
    """Links, pipes, devices and files without end, wherever the imager reads or writes."""

    def test_nothing_outside_is_read(self, system: Path, outside: Path) -> None:
        for path in ("boot/cmdline", "etc/os-release", "etc/passwd", f"{MODULES}/modules.dep", "boot/config-6.1"):
            place = system / path
            place.unlink(missing_ok=True)
            place.symlink_to(outside / "secret")
            assert Root(system).read(path) is None
            assert text.read(Root(system), path) == ""
        assert inspection.inspect(Root(system))["boot_cmdline"] is None

    def test_parts_of_microcode_are_those_of_the_system(self, system: Path, outside: Path) -> None:
        part = system / "usr/lib/firmware/intel-ucode/06-0f-0b"
        part.parent.mkdir(parents=True)
        part.symlink_to(outside / "secret")
        files = firmware.find(Root(system))
        assert "is not a regular file" in refused(lambda: microcode.image(microcode.VENDORS["intel"], files, EPOCH))

    def test_nothing_outside_is_written(self, system: Path, outside: Path) -> None:
        for path in ("etc/passwd", "etc/group", "etc/shadow", "etc/os-release", "etc/fstab"):
            place = system / path
            data = place.read_bytes() if place.exists() else b""
            place.unlink(missing_ok=True)
            place.symlink_to(outside / path.replace("/", "-"))
            (system / str(place.readlink())[1:]).parent.mkdir(parents=True, exist_ok=True)
            (system / str(place.readlink())[1:]).write_bytes(data)
        add_user(system)
        osrelease.run(Identity(system=str(system), name="x", epoch=EPOCH))
        text.write(Root(system), "etc/fstab", "", EPOCH)
        assert sorted(path.name for path in outside.iterdir()) == ["secret"]
        assert "me" in (system / "etc/passwd").read_text()
        assert not (system / "etc/passwd").is_symlink()

    def test_another_name_of_a_file_keeps_its_content(self, system: Path) -> None:
        (system / "usr/sbin/tool").hardlink_to(system / "etc/group")
        add_user(system)
        assert (system / "usr/sbin/tool").read_text() == "root:x:0:\nsudo:x:27:\n"
        assert "me:" in (system / "etc/group").read_text()

    def test_directories_behind_links_are_those_of_the_system(self, system: Path, outside: Path) -> None:
        (system / "home").symlink_to(outside)
        (system / "srv").symlink_to("../../../..")
        add_user(system)
        wanted = {"/srv/deep/data": Directory(mode=0o700, owner=Owner(user=5, group=6))}
        assert main(list(Directories(system=str(system), directory=wanted, epoch=EPOCH).argv())) == 0
        assert sorted(path.name for path in outside.iterdir()) == ["secret"]
        assert (system / str(outside)[1:] / "me").is_dir()
        assert (system / "deep/data").stat().st_uid == 5

    @pytest.mark.parametrize("path", ["etc/shadow", "etc/gshadow", "etc/os-release", "etc/fstab", "boot/cmdline"])
    def test_pipes_keep_nobody_waiting(self, system: Path, path: str) -> None:
        place = system / path
        place.unlink(missing_ok=True)
        os.mkfifo(place)
        with within(20):
            add_user(system)
            osrelease.run(Identity(system=str(system), name="x", epoch=EPOCH))
            text.write(Root(system), "etc/fstab", text.read(Root(system), "etc/fstab"), EPOCH)
            inspection.inspect(Root(system))
        assert place.is_fifo() == (path in ("etc/gshadow", "boot/cmdline"))

    @pytest.mark.parametrize("path", ["etc/os-release", "etc/passwd", "etc/fstab", "boot/cmdline"])
    def test_a_file_without_end_is_not_read(self, system: Path, path: str) -> None:
        os.truncate(system / path, 8 << 30) if (system / path).exists() else (system / path).touch()
        os.truncate(system / path, 8 << 30)
        with within(10):
            message = refused(lambda: (text.read(Root(system), path), inspection.inspect(Root(system))))
        assert message.startswith(f"/{path} has 8,589,934,592 bytes")

    @pytest.mark.slow
    def test_skeletons_are_copied_as_far_as_they_are_files(self, system: Path, outside: Path) -> None:
        skeleton = system / "etc/skel"
        skeleton.mkdir()
        os.mkfifo(skeleton / "pipe")
        (skeleton / "leads-out").symlink_to(outside / "secret")
        os.truncate(os.open(skeleton / "huge", os.O_CREAT | os.O_WRONLY), 100 << 30)
        (skeleton / "deep").mkdir()
        place = skeleton / "deep"
        for _ in range(200):
            place /= "d"
            place.mkdir()
        with within(30):
            add_user(system)
        home = system / "home/me"
        assert sorted(path.name for path in home.iterdir()) == ["deep", "huge", "leads-out"]
        assert (home / "leads-out").readlink() == outside / "secret"
        assert (home / "huge").stat().st_size == 100 << 30
        assert (home / "huge").stat().st_blocks < 100
        assert {path.lstat().st_mtime for path in home.iterdir()} == {EPOCH}

    def test_too_many_links_are_told(self, system: Path) -> None:
        (system / "home").symlink_to("home")
        assert refused(lambda: add_user(system)) == "/home/me cannot be written: too many levels of symbolic links"

    def test_a_home_that_no_path_can_be(self, system: Path) -> None:
        (system / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nme:x:1000:1000::/ho\0me:/bin/sh\n")
        assert "cannot be written" in refused(lambda: add_user(system))


class TestBombs:
    """Few bytes that become many."""

    @pytest.mark.parametrize("ending", ["gz", "xz", "zst"])
    @pytest.mark.slow
    def test_unpacking_stops_at_the_limit(self, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(modfile, "UNPACKED", 16 << 20)
        data = bytes(64 << 20)
        if ending == "zst":
            if shutil.which("zstd") is None:
                pytest.skip("zstd is not installed")
            packed = subprocess.run(["zstd", "-19", "-c"], input=data, capture_output=True, check=True).stdout
        else:
            packed = gzip.compress(data) if ending == "gz" else lzma.compress(data)
        (tmp_path / f"x.ko.{ending}").write_bytes(packed)
        with within(30, 200):
            message = refused(lambda: modfile.read(Root(tmp_path), f"x.ko.{ending}"))
        assert "16,777,216 bytes" in message

    def test_a_dictionary_takes_no_memory(self, tmp_path: Path) -> None:
        """The header of a stream says how much memory its reader needs."""
        filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 768 << 20}]
        (tmp_path / "x.ko.xz").write_bytes(lzma.compress(b"x", filters=filters))
        with within(10, 400):
            assert "is damaged" in refused(lambda: modfile.read(Root(tmp_path), "x.ko.xz"))

    def test_a_module_without_names_is_read_once(self) -> None:
        """65,535 sections, whose names are in a table that has no ends."""
        rows, names = 65_535, b"n" * (4 << 20)
        table = 64 + len(names)
        section = struct.pack("<IIQQQQ24x", 1, 3, 0, 0, 64, len(names))
        head = b"\x7fELF\2\1\1".ljust(16, b"\0")
        head += struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, rows, 0)
        with within(10):
            assert list(modfile.modinfo(head + names + section * rows)) == []

    def test_a_list_of_built_in_firmware_has_a_limit(self, system: Path, tmp_path: Path) -> None:
        (system / MODULES / "modules.dep").touch()
        os.truncate(os.open(system / MODULES / "modules.builtin.modinfo", os.O_CREAT | os.O_WRONLY), 1 << 40)
        request = KernelTree(system=str(system), output=str(tmp_path / "out"), firmware=("auto",), epoch=EPOCH)
        with within(10):
            assert main(list(request.argv())) == 1


def test_a_directory_keeps_its_time(system: Path) -> None:
    """When something in it is replaced, so that a build has no date."""
    os.utime(system / "etc", (1, 1))
    root = Root(system)
    writing.write_file(root, "etc/new", b"1", epoch=EPOCH)
    writing.write_file(root, "etc/new", b"2", epoch=EPOCH)
    writing.make_link(root, "etc/link", "x")
    assert (system / "etc").stat().st_mtime == 1
    assert (system / "etc/new").stat().st_mtime == EPOCH
