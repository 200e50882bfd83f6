"""The initramfs, read back by a cpio reader that shares no code with the writer."""

from __future__ import annotations

import io
import os
import random
import socket
import stat
import struct
from pathlib import Path

import pytest

from imager.archive import cpio
from imager.core import sparse
from imager.core.errors import ImagerError
from imager.initramfs import cpio_segment
from imager.requests.packing import Initramfs
from imager.rootfs import xattrs
from tests.support.imager import EPOCH, Member, make_system, read_newc

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes devices and owners")


def build(system: Path, *, compression: str = "none") -> bytes:
    init = system.parent / "init"
    init.write_bytes(b"our init")
    out = system.parent / "out"
    request = Initramfs(system=str(system), init=str(init), output=str(out), compression=compression, epoch=EPOCH)
    cpio_segment.run(request)
    assert out.stat().st_mtime == EPOCH
    assert stat.S_IMODE(out.stat().st_mode) == 0o644
    return out.read_bytes()


def members(system: Path) -> dict[bytes, Member]:
    found = read_newc(build(system))
    by_name = {member.name: member for member in found}
    assert len(by_name) == len(found)
    return by_name


@pytest.fixture
def system(tmp_path: Path) -> Path:
    return make_system(tmp_path / "system")


def test_parents_come_first_and_names_are_sorted(system: Path) -> None:
    for name in ("b/z", "b/a", "b-c", "B"):
        (system / "opt" / name).mkdir(parents=True)
    names = [member.name for member in read_newc(build(system))]
    assert names[:3] == [b".claylinux", b"init", b"."], "init runs even if memory ends before the archive does"
    assert names[-1] == b".claylinux/xattrs", "whose presence tells that all was unpacked"
    opt = [name for name in names if name.startswith(b"opt")]
    assert opt == [b"opt", b"opt/B", b"opt/b", b"opt/b/a", b"opt/b/z", b"opt/b-c"]
    seen = {b"", b".claylinux"}
    for path in names[2:]:
        assert path.rpartition(b"/")[0] in seen, path
        seen.add(path)


def test_boot_and_mount_points_are_empty(system: Path) -> None:
    (system / "tmp").mkdir()
    (system / "tmp").chmod(0o1700)
    (system / "tmp/leftover").touch()
    (system / ".dockerenv").touch()
    found = members(system)
    assert not [name for name in found if name.startswith((b"boot/", b"tmp/")) or name == b".dockerenv"]
    modes = {name: found[name].mode for name in (b"boot", b"dev", b"proc", b"run", b"sys", b"tmp")}
    assert {name: stat.S_IMODE(mode) for name, mode in modes.items()} == {
        b"boot": 0o755,
        b"dev": 0o755,
        b"proc": 0o555,
        b"run": 0o755,
        b"sys": 0o555,
        b"tmp": 0o1700,
    }
    assert all(stat.S_ISDIR(mode) for mode in modes.values())
    console = found[b"dev/console"]
    assert (console.mode, console.rdev, console.uid) == (stat.S_IFCHR | 0o600, (5, 1), 0)


def test_our_init_replaces_that_of_the_system(system: Path) -> None:
    (system / "init").write_text("theirs")
    found = members(system)
    assert (found[b"init"].data, found[b"init"].mode) == (b"our init", stat.S_IFREG | 0o755)
    assert found[b".claylinux/init.system"].data == b"theirs"


def test_the_reserved_directory_is_refused(system: Path) -> None:
    (system / ".claylinux").mkdir()
    with pytest.raises(ImagerError, match="reserved for Claylinux"):
        build(system)


def test_target_files_take_the_place_of_others(system: Path) -> None:
    (system / "etc/hosts").write_text("docker's")
    (system / "etc/hosts.target").write_text("ours")
    (system / "etc/resolv.conf").symlink_to("/run/resolv.conf")
    (system / "etc/resolv.conf.target").write_text("nameserver 192.0.2.1")
    (system / "etc/hostname.target").write_text("clay")
    (system / "etc/other.target").write_text("kept")
    found = members(system)
    assert found[b"etc/hosts"].data == b"ours"
    assert found[b"etc/resolv.conf"].data == b"nameserver 192.0.2.1"
    assert found[b"etc/hostname"].data == b"clay"
    assert [name for name in found if name.endswith(b".target")] == [b"etc/other.target"]


def test_times_are_at_most_the_epoch(system: Path) -> None:
    os.utime(system / "etc/os-release", (5, 5))
    os.utime(system / "etc", (EPOCH + 99, EPOCH + 99))
    os.utime(system / "usr/sbin/init", (-7, -7))
    found = members(system)
    assert found[b"etc/os-release"].mtime == 5
    assert found[b"etc"].mtime == EPOCH
    assert found[b"usr/sbin/init"].mtime == 0
    assert max(member.mtime for member in found.values()) == EPOCH


def test_several_names_of_a_file_carry_its_data_once_with_the_last(system: Path) -> None:
    (system / "etc/a").write_text("shared")
    os.link(system / "etc/a", system / "etc/c")
    os.link(system / "etc/a", system / "usr/b")
    os.link(system / "etc/a", system / "boot/not-shipped")
    found = members(system)
    links = [found[name] for name in (b"etc/a", b"etc/c", b"usr/b")]
    assert [link.data for link in links] == [b"", b"", b"shared"]
    assert {link.nlink for link in links} == {3}
    assert len({link.ino for link in links}) == 1
    inodes = [member.ino for member in found.values()]
    assert len(set(inodes)) == len(inodes) - 2


def test_a_name_outside_of_what_is_shipped_makes_no_link(system: Path) -> None:
    os.link(system / "etc/os-release", system / "boot/copy")
    found = members(system)
    assert found[b"etc/os-release"].nlink == 1
    assert found[b"etc/os-release"].data.startswith(b"ID=debian")


def test_odd_names_and_links_are_kept_byte_by_byte(system: Path) -> None:
    top = os.fsencode(system)
    odd = (b"\xff\xfe", b"-rf", b"new\nline", b"--epoch", b" ")
    for name in odd:
        Path(os.fsdecode(top + b"/" + name)).write_bytes(name)
    os.symlink(b"./a//\xff/..", top + b"/link")  # noqa: PTH211 - Path would tidy the target
    found = members(system)
    assert all(found[name].data == name for name in odd)
    assert found[b"link"].data == b"./a//\xff/.."


@needs_root
def test_owners_modes_and_special_files(system: Path) -> None:
    os.mknod(system / "etc/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mkfifo(system / "etc/fifo")
    (system / "etc/tool").write_text("x")
    os.chown(system / "etc/tool", 70_000, 5)
    (system / "etc/tool").chmod(0o6755)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(system / "etc/socket"))
    found = members(system)
    assert stat.S_ISCHR(found[b"etc/null"].mode)
    assert found[b"etc/null"].rdev == (1, 3)
    assert stat.S_ISFIFO(found[b"etc/fifo"].mode)
    assert (found[b"etc/tool"].uid, found[b"etc/tool"].gid) == (70_000, 5)
    assert stat.S_IMODE(found[b"etc/tool"].mode) == 0o6755
    assert b"etc/socket" not in found
    assert {member.dev for member in found.values()} == {(0, 0)}


def read_xattrs(data: bytes) -> list[tuple[bytes, bytes, bytes]]:
    stream, found = io.BytesIO(data), []
    while path := b"".join(iter(lambda: stream.read(1).rstrip(b"\0"), b"")):
        name = b"".join(iter(lambda: stream.read(1).rstrip(b"\0"), b""))
        (size,) = struct.unpack("<I", stream.read(4))
        found.append((path, name, stream.read(size)))
    return found


@needs_root
def test_attributes_that_cpio_cannot_carry_have_their_own_file(system: Path) -> None:
    capability = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
    try:
        os.setxattr(system / "usr/sbin/init", "security.capability", capability)
        os.setxattr(system / "etc", "user.b", b"")
        os.setxattr(system / "etc", "user.a", b"\0binary\0")
        os.setxattr(system, "user.top", b"1")
        os.setxattr(system / "boot/vmlinuz-6.1.0-1-amd64", "user.gone", b"1")
        os.setxattr(system / "etc", "trusted.overlay.opaque", b"y")
    except OSError as error:
        pytest.skip(f"this file system has no extended attributes: {error}")
    file = members(system)[b".claylinux/xattrs"]
    assert file.mode == stat.S_IFREG | 0o600
    assert read_xattrs(file.data) == [
        (b"/", b"user.top", b"1"),
        (b"/etc", b"user.a", b"\0binary\0"),
        (b"/etc", b"user.b", b""),
        (b"/usr/sbin/init", b"security.capability", capability),
    ]


def test_no_attributes_make_an_empty_file(system: Path) -> None:
    assert members(system)[b".claylinux/xattrs"].data == b""
    assert xattrs.record(b"/a", "user.b", b"c") == b"/a\0user.b\0\x01\0\0\0c"


def test_attributes_of_the_builder_are_not_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/guide/memory.md says why."""
    kept = ["security.capability", "system.posix_acl_access", "system.posix_acl_default", "trusted.x", "user.x"]
    builders = [f"security.{name}" for name in ("SMACK64", "apparmor", "evm", "ima", "selinux")]
    builders += ["btrfs.compression", "system.nfs4_acl", "trusted.overlay.opaque", "user.overlay.origin"]
    monkeypatch.setattr(os, "listxattr", lambda *_, **__: [*reversed(kept), *builders])
    monkeypatch.setattr(os, "getxattr", lambda _, name, **__: name.encode())
    assert xattrs.read(b"/x") == tuple((name, name.encode()) for name in kept)


def test_big_files_and_their_padding(system: Path) -> None:
    sizes = {f"etc/{size}": size for size in (0, 1, 65_535, 65_536, 65_537, 3_000_001)}
    for name, size in sizes.items():
        (system / name).write_bytes(random.Random(size).randbytes(size))
    found = members(system)
    for name in sizes:
        assert found[name.encode()].data == (system / name).read_bytes()


def test_files_with_4_gib_of_data_are_refused(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (system / "etc/huge").open("wb") as file:
        file.truncate(1 << 32)
    monkeypatch.setattr(sparse, "ranges_of", lambda path, size: ((0, size),))
    with pytest.raises(ImagerError, match=r"^/etc/huge has 4294967296 bytes.*smaller than 4 GiB"):
        build(system)
    assert not (system.parent / "out").exists()
    assert not (system.parent / "out.part").exists()
    assert len(cpio.header(b"x", ino=1, mode=0, size=(1 << 32) - 1)) % 4 == 0


def test_names_that_the_kernel_would_skip_are_refused() -> None:
    with pytest.raises(ImagerError, match="too long"):
        cpio.header(b"x" * 4096, ino=1, mode=0)
    assert len(cpio.header(b"x" * 4095, ino=1, mode=0)) % 4 == 0


@pytest.mark.parametrize("field", ["ino", "mode", "uid", "gid", "nlink", "mtime"])
def test_what_does_not_fit_into_a_field_is_refused(field: str) -> None:
    """One more digit would move everything behind it."""
    fits = {"ino": 1, "mode": 0}
    assert len(cpio.header(b"x", **{**fits, field: (1 << 32) - 1})) == len(cpio.header(b"x", **fits))  # type: ignore[arg-type]
    for value in (1 << 32, -1):
        with pytest.raises(ImagerError, match="/x does not fit into an initramfs: its numbers must be between 0 and "):
            cpio.header(b"x", **{**fits, field: value})  # type: ignore[arg-type]


def test_the_bytes_do_not_depend_on_the_disk(tmp_path: Path) -> None:
    outputs: list[bytes] = []
    for index, names in enumerate((("a", "b", "c"), ("c", "b", "a"))):
        home = tmp_path / str(index)
        home.mkdir()
        system = make_system(home / "system")
        old = os.umask(0o022 if index else 0o077)
        try:
            for name in names:
                (system / "etc" / name).write_text(name)
                (system / "etc" / name).chmod(0o640)
            os.link(system / "etc" / names[0], system / "etc/link")
            if names[0] == "c":
                (system / "etc/link").unlink()
                os.link(system / "etc/a", system / "etc/link")
            outputs.append(build(system))
        finally:
            os.umask(old)
    assert outputs[0] == outputs[1]
