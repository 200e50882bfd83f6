"""The file systems table, and the program that makes file systems on empty disks."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.customize import filesystems, mounts
from imager.requests.mounts import Mounts
from spec.mounts import DeviceMount, FileSystem, MemoryMount
from spec.values.types import Share
from tests.support.imager import EPOCH

CREATE = {"/data": DeviceMount(device="LABEL=DATA", fstype="ext4", create=True)}


@pytest.fixture
def system(tmp_path: Path) -> Path:
    root = tmp_path / "system"
    for path in ("usr/bin/systemctl", "usr/sbin/mkfs.ext4", "usr/sbin/wipefs"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


def make(system: Path, wanted: Mapping[str, FileSystem]) -> list[str]:
    mounts.run(Mounts(system=str(system), mount=wanted, epoch=EPOCH))
    return (system / "etc/fstab").read_text().splitlines()


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ({"/data": DeviceMount(device="LABEL=D")}, "LABEL=D\t/data\tauto\tdefaults\t0\t0"),
        ({"/a": DeviceMount(device="/dev/vdb", fstype="ext4", options=("noatime",), optional=True)},
         "/dev/vdb\t/a\text4\tnoatime,nofail\t0\t2"),
        ({"/a b": DeviceMount(device="/srv/\\x", options=("bind",))}, "/srv/\\134x\t/a\\040b\tnone\tbind\t0\t0"),
        ({"/n": DeviceMount(device="nas:/export")}, "nas:/export\t/n\tnfs\t_netdev\t0\t0"),
        ({"/s": DeviceMount(device="//nas/x", fstype="cifs")}, "//nas/x\t/s\tcifs\t_netdev\t0\t0"),
        ({"/t": MemoryMount(tmpfs=1024, options=("noexec",))}, "tmpfs\t/t\ttmpfs\tnoexec,size=1024,mode=0755\t0\t0"),
        ({"/t": MemoryMount(tmpfs=None, options=("mode=0700",))}, "tmpfs\t/t\ttmpfs\tmode=0700\t0\t0"),
        ({"/dev/shm": MemoryMount(tmpfs=Share(50))}, "tmpfs\t/dev/shm\ttmpfs\tsize=50%\t0\t0"),
        (CREATE, "LABEL=DATA\t/data\text4\tx-systemd.requires=claylinux-make-data.service\t0\t2"),
    ],
)  # fmt: skip
def test_lines(system: Path, wanted: Mapping[str, FileSystem], line: str) -> None:
    assert make(system, wanted) == [line]
    (point,) = wanted
    assert (system / point[1:]).is_dir() == (point != "/dev/shm")


@pytest.mark.parametrize(
    ("fstype", "order"),
    [("ext2", 2), ("ext3", 2), ("ext4", 2), ("vfat", 2), ("exfat", 2), ("f2fs", 2), ("xfs", 0), ("btrfs", 0)],
)
def test_file_systems_that_do_not_repair_themselves_are_checked(system: Path, fstype: str, order: int) -> None:
    (line,) = make(system, {"/data": DeviceMount(device="/dev/vdb", fstype=fstype)})
    assert line.endswith(f"\t0\t{order}")


@pytest.mark.parametrize("folder", ["usr/sbin", "sbin", "usr/bin", "bin"])
def test_programs_that_make_file_systems_may_be_in_every_folder(system: Path, folder: str) -> None:
    (system / folder).mkdir(parents=True, exist_ok=True)
    for name in ("mkfs.ext4", "wipefs"):
        (system / "usr/sbin" / name).rename(system / folder / name)
    assert make(system, CREATE)


def test_openrc_gets_no_words_of_systemd(system: Path) -> None:
    (system / "usr/bin/systemctl").unlink()
    (system / "sbin").mkdir()
    (system / "sbin/openrc-run").touch()
    assert make(system, CREATE) == ["LABEL=DATA\t/data\text4\tdefaults\t0\t2"]
    # It ends the boot if it cannot check a disk, so one that may be missing is not checked.
    optional = {"/data": DeviceMount(device="LABEL=DATA", fstype="ext4", optional=True)}
    assert make(system, optional) == ["LABEL=DATA\t/data\text4\tnofail\t0\t0"]


def test_a_folder_in_memory_is_as_the_one_it_hides(system: Path) -> None:
    (system / "spool").mkdir()
    (system / "spool").chmod(0o1770)
    if os.geteuid() == 0:
        os.chown(system / "spool", 7, 8)
    owner = (system / "spool").stat()
    (line,) = make(system, {"/spool": MemoryMount(tmpfs=None)})
    assert line.split("\t")[3] == f"mode=1770,uid={owner.st_uid},gid={owner.st_gid}"


def test_what_is_there_already_stays_unless_it_is_asked_anew(system: Path) -> None:
    (system / "etc").mkdir()
    (system / "etc/fstab").write_text("# mine\n/dev/sda1 /old ext4 defaults 0 1\n/dev/sda2 /data xfs\n")
    lines = make(system, {"/data/in": DeviceMount(device="/dev/b"), "/data": DeviceMount(device="/dev/a")})
    assert lines[:2] == ["# mine", "/dev/sda1 /old ext4 defaults 0 1"]
    assert [line.split("\t")[1] for line in lines[2:]] == ["/data", "/data/in"]


def test_units_that_make_file_systems(system: Path) -> None:
    make(system, CREATE | {"/late-1": DeviceMount(device="/dev/vdc", fstype="ext4", create=True)})
    units = system / "etc/systemd/system"
    text = (units / "claylinux-make-data.service").read_text()
    assert "ExecStart=/usr/lib/claylinux/make-filesystem LABEL=DATA mkfs.ext4 -q -L DATA\n" in text
    text = (units / "claylinux-make-late\\x2d1.service").read_text()
    assert "Requires=dev-vdc.device\nAfter=dev-vdc.device\nBefore=systemd-fsck@dev-vdc.service\n" in text
    assert stat.S_IMODE((system / filesystems.PROGRAM).stat().st_mode) == 0o755


def test_a_script_that_makes_file_systems(system: Path) -> None:
    (system / "usr/bin/systemctl").unlink()
    (system / "usr/sbin/openrc-run").touch()
    make(system, CREATE)
    text = (system / "etc/init.d/claylinux-filesystems").read_text()
    assert "\t/usr/lib/claylinux/make-filesystem LABEL=DATA mkfs.ext4 -q -L DATA || :\n" in text
    subprocess.run(["sh", "-n", system / "etc/init.d/claylinux-filesystems"], check=True)


@pytest.mark.parametrize(
    ("missing", "openrc", "message"),
    [
        ("mkfs.ext4", False, "mounts: /data: `create` needs mkfs.ext4: add e2fsprogs to packages"),
        ("wipefs", False, "mounts: /data: `create` needs wipefs: add util-linux to packages"),
        ("wipefs", True, "mounts: /data: `create` needs wipefs: add wipefs to packages"),
    ],
)
def test_what_is_missing_is_named(system: Path, missing: str, openrc: bool, message: str) -> None:
    (system / "usr/sbin" / missing).unlink()
    if openrc:
        (system / "usr/bin/systemctl").unlink()
        (system / "usr/sbin/openrc-run").touch()
    with pytest.raises(ImagerError) as caught:
        make(system, CREATE)
    assert str(caught.value) == message


def test_a_mount_point_is_a_folder(system: Path) -> None:
    (system / "data").touch()
    with pytest.raises(ImagerError, match="mounts: /data is a file in the system"):
        make(system, {"/data": DeviceMount(device="/dev/a")})


@pytest.fixture
def program(system: Path, tmp_path: Path) -> list[str]:
    """The program, with the tools of a machine that has these disks beside it."""
    make(system, CREATE)
    tools = tmp_path / "tools"
    tools.mkdir()
    disks = tmp_path / "dev"
    disks.mkdir()
    text = (system / filesystems.PROGRAM).read_text()
    text = text.replace("PATH=/usr/sbin:/usr/bin:/sbin:/bin", f"PATH={tools}:/usr/bin:/bin")
    text = text.replace("/sys/block/", f"{tmp_path}/sys/").replace("/dev/$name", f"{disks}/$name").replace("-b ", "-e ")
    text = text.replace("spare /dev/${disk", f"spare {disks}/${{disk")
    scripts = {
        "wipefs": 'set -- "$1"; [ "$(cat "$1")" != unreadable ] || exit 1; cat "$1"',
        "mkfs.ext4": f'echo "$*" >> {tmp_path}/made',
        "findfs": f'grep -qx "$1" {disks}/*',
    }
    for name, script in scripts.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    return ["sh", "-c", text, "make-filesystem"]


def plug(tmp_path: Path, **disks: str) -> None:
    for name, content in disks.items():
        (tmp_path / "dev" / name).write_text(content)
        (tmp_path / "sys" / name).mkdir(parents=True)
        (tmp_path / "sys" / name / "ro").write_text("0\n")
        (tmp_path / "sys" / name / "size").write_text("131072\n")


@pytest.mark.parametrize(
    ("disks", "made", "said"),
    [
        ({"vda": ""}, "vda", "is empty"),
        ({"vda": "signature", "vdb": "", "loop0": "", "sr0": ""}, "vdb", "is empty"),
        ({"vda": "LABEL=DATA", "vdb": ""}, "", ""),
        ({"vda": "unreadable"}, "", "no disk has this label, and none is empty"),
        ({"vda": "signature"}, "", "no disk has this label, and none is empty"),
        ({"vda": "", "vdb": ""}, "", "several are empty"),
    ],
)
def test_only_one_empty_disk_is_taken(
    program: list[str], tmp_path: Path, disks: dict[str, str], made: str, said: str
) -> None:
    plug(tmp_path, **disks)
    done = subprocess.run(
        [*program, "LABEL=DATA", "mkfs.ext4", "-q", "-L", "DATA"], capture_output=True, text=True, check=False
    )
    log = tmp_path / "made"
    assert (log.read_text() if log.exists() else "") == (f"-q -L DATA {tmp_path}/dev/{made}\n" if made else "")
    assert said in done.stderr
    assert (done.returncode == 0) == (bool(made) or not said)


@pytest.mark.parametrize(("content", "made"), [("", True), ("signature", False), ("unreadable", False)])
def test_a_named_disk_is_taken_when_it_is_empty(program: list[str], tmp_path: Path, content: str, made: bool) -> None:
    plug(tmp_path, vda=content)
    subprocess.run([*program, f"{tmp_path}/dev/vda", "mkfs.ext4", "-q"], capture_output=True, check=True)
    assert (tmp_path / "made").exists() == made


@pytest.mark.parametrize(
    ("point", "made"), [("/dev/a", False), ("/run/a", False), ("/tmp/a", False), ("/tmpa", True), ("/var/tmp/a", True)]
)
def test_which_points_are_made(system: Path, point: str, made: bool) -> None:
    """The others are in file systems that are empty at every boot."""
    make(system, {point: MemoryMount(tmpfs=None)})
    assert (system / point[1:]).is_dir() == made
