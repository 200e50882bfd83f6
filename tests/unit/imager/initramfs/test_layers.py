"""What tar2sqfs is fed with; tests/boot has the layers themselves."""

from __future__ import annotations

import io
import os
import struct
import tarfile
from pathlib import Path

import pytest

from imager.archive import cpio
from imager.archive.batch_writer import BatchWriter
from imager.core.errors import ImagerError
from imager.initramfs import layer_archive, layers, segments
from imager.requests.packing import Layer
from imager.rootfs import tree, xattrs
from tests.support.imager import read_newc

ACL = ("system.posix_acl_access", b"acl")
COLOUR = ("user.colour", b"red")
SPLIT = ("user.a=b", b"1")
HUGE = ("user.huge", b"h" * (60 << 10))


class Memory:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.data = bytearray()

    @property
    def sent(self) -> int:
        return len(self.data)

    def write(self, data: bytes | bytearray) -> None:
        self.data += data

    def send(self, source: int, start: int, size: int) -> None:
        self.data += os.pread(source, size, start)


def test_attributes_go_where_they_can_be_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Squashfs has no ACLs, and a stream limits: init gets these, of every name of a file; and all of the root."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/one").write_bytes(b"x" * 70_000)
    (tmp_path / "etc/two").hardlink_to(tmp_path / "etc/one")
    (tmp_path / "init").write_text("of the system")
    marked = {b"etc/one", b"etc/two", b"init", b""}

    def read(source: bytes) -> xattrs.Attributes:
        return (
            (ACL, SPLIT, COLOUR, HUGE) if os.path.relpath(source, os.fsencode(tmp_path)).strip(b".") in marked else ()
        )

    monkeypatch.setattr(xattrs, "read", read)
    memory = Memory()
    stream = layers.TarWriter(BatchWriter(memory), epoch=0)
    passed = list(stream.add_each(tree.walk(os.fsencode(tmp_path))))
    stream.close()

    with tarfile.open(fileobj=io.BytesIO(memory.data)) as archive:
        members = {member.name: member for member in archive}
        assert members["etc/one"].size == 70_000
        assert archive.extractfile(members["init"]).read() == b"of the system"  # type: ignore[union-attr]
    assert (members["etc/two"].type, members["etc/two"].linkname) == (tarfile.LNKTYPE, "etc/one")
    headers = {name: member.pax_headers for name, member in members.items() if member.pax_headers}
    assert headers == {name: {"SCHILY.xattr.user.colour": "red"} for name in ("etc/one", "init")}
    assert len(passed) == len(members) + 1  # the root
    wanted = [xattrs.record(b"/", *each) for each in (ACL, SPLIT, COLOUR, HUGE)]
    paths = (b"/init", b"/etc/one", b"/etc/two")
    wanted += [xattrs.record(path, *each) for path in paths for each in (ACL, SPLIT, HUGE)]
    lowest = segments.describe_whole(passed, stream.restored_by_init, stream.condensed)
    request = Layer(system=str(tmp_path), output="", epoch=0)
    assert layers._lists_for_init(request, (lowest,)).attributes == b"".join(wanted)


def test_holes_stay_holes_in_the_stream(tmp_path: Path) -> None:
    """The second name of the file is a link, as for all files."""
    with (tmp_path / "holes").open("wb") as file:
        for at, text in ((1 << 20, b"first"), (3 << 20, b"last")):
            file.seek(at)
            file.write(text)
    (tmp_path / "holes2").hardlink_to(tmp_path / "holes")
    os.utime(tmp_path / "holes", (5, 5))
    memory = Memory()
    stream = layers.TarWriter(BatchWriter(memory), epoch=3)
    list(stream.add_each(tree.walk(os.fsencode(tmp_path))))
    stream.close()
    assert len(memory.data) < 2 << 20
    with tarfile.open(fileobj=io.BytesIO(memory.data)) as archive:
        members = {member.name: member for member in archive}
        content = archive.extractfile(members["holes"]).read()  # type: ignore[union-attr]
    assert members["holes"].sparse is not None
    assert content == bytes(1 << 20) + b"first" + bytes((2 << 20) - 5) + b"last"
    assert members["holes"].mtime == 3
    assert (members["holes2"].type, members["holes2"].linkname) == (tarfile.LNKTYPE, "holes")
    assert (stream.condensed, stream.restored_by_init) == ({}, [])


def test_each_layer_tells_its_own_private_keys(tmp_path: Path) -> None:
    """A directory that becomes a file is no problem in a layer, as it would be in an archive."""
    key = "-----BEGIN PRIVATE KEY-----\n" + "A" * 64 + "\n"
    below, top = tmp_path / "below", tmp_path / "top"
    for system, names in ((below, ("first.pem",)), (top, ("first.pem", "later.pem", "wanted.pem"))):
        (system / "srv").mkdir(parents=True)
        for name in names:
            (system / "srv" / name).write_text(key)
            os.utime(system / "srv" / name, (5, 5))
    (below / "a").mkdir()
    (top / "a").touch()
    keep = ("/srv/wanted.pem",)
    whole = layers._pack(Layer(system=str(below), output="", epoch=9, keep=keep), stream())
    change = layers._pack(Layer(system=str(top), below=str(below), output="", epoch=9, keep=keep), stream())
    assert (whole.private_keys, whole.problem) == (("srv/first.pem",), "")
    assert (change.private_keys, change.problem) == (("srv/later.pem",), "")


def stream() -> layers.TarWriter:
    return layers.TarWriter(BatchWriter(Memory()), epoch=0)


def test_a_layer_has_a_limit(tmp_path: Path) -> None:
    """What the general message of the archive says would not help."""
    layer = tmp_path / "layer"
    layer.write_bytes(b"hsqs" + bytes(36) + struct.pack("<Q", cpio.FILE_LIMIT - 4095))
    assert layer_archive.head(layer, 0, epoch=0).startswith(cpio.MAGIC)
    layer.write_bytes(b"hsqs" + bytes(36) + struct.pack("<Q", cpio.FILE_LIMIT - 4094))
    with pytest.raises(ImagerError, match="a layer of the system has 4294967296 bytes after compression"):
        layer_archive.head(layer, 0, epoch=0)


@pytest.mark.parametrize("content", [b"", b"hsqs", b"070701" + bytes(100)])
def test_what_is_no_layer_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "layer").write_bytes(content)
    with pytest.raises(ImagerError, match="layer is not a layer: it does not start with a squashfs"):
        layer_archive.head(tmp_path / "layer", 0, epoch=0)


def test_the_files_of_a_layer_tell_from_each_other(tmp_path: Path) -> None:
    """The kernel would take files of the same number for names of one file."""
    place = tmp_path / "layer"
    place.write_bytes(b"hsqs" + bytes(36) + struct.pack("<Q", 4096) + bytes(4048))
    lists = layer_archive.Lists(attributes=b"attributes", holes=b"holes")
    made = layer_archive.head(place, 3, 7) + place.read_bytes() + layer_archive.tail(3, lists, 7)
    members = read_newc(made)
    assert [(each.ino, each.mode, each.mtime) for each in members] == [(n, 0o100600, 7) for n in (1, 2, 3)]
    assert [each.data for each in members[1:]] == [b"holes", b"attributes"]
    assert [each.name.rpartition(b"/")[2].rpartition(b".")[2] for each in members] == [b"img", b"sparse", b"xattrs"]
