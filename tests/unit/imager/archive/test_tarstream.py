"""Headers of tar at the borders of what they can hold; test_squashfs.py has programs read whole streams."""

from __future__ import annotations

import io
import os
import stat
import tarfile

import pytest

from imager.archive import tarstream
from imager.rootfs import tree

FILE = tree.synthetic_entry(b"a", stat.S_IFREG | 0o4755)


def read(header: bytes) -> tarfile.TarInfo:
    with tarfile.open(fileobj=io.BytesIO(header + tarstream.END)) as archive:
        member = archive.next()
    assert member is not None
    return member


@pytest.mark.parametrize("size", [0, 8**11 - 1, 8**11, 8**11 + 1])
def test_sizes(size: int) -> None:
    assert read(tarstream.head(FILE, mtime=7, size=size)).size == size


@pytest.mark.parametrize("number", [0, 8**7 - 1, 8**7, 8**7 + 1, (1 << 32) - 2])
def test_owners(number: int) -> None:
    member = read(tarstream.head(FILE._replace(uid=number, gid=number), mtime=7))
    assert (member.uid, member.gid, member.mode, member.mtime) == (number, number, 0o4755, 7)


@pytest.mark.parametrize("length", [99, 100, 101, 300])
def test_names_and_links(length: int) -> None:
    name = b"n" * length
    assert read(tarstream.head(FILE._replace(path=name), mtime=7)).name == name.decode()
    link = read(tarstream.head(tree.synthetic_entry(b"l", stat.S_IFLNK | 0o777), mtime=7, link=name))
    assert (link.linkname, link.issym()) == (name.decode(), True)
    hard = read(tarstream.head(FILE, mtime=7, link=name))
    assert (hard.linkname, hard.islnk()) == (name.decode(), True)


def test_devices() -> None:
    device = tree.synthetic_entry(b"d", stat.S_IFCHR | 0o600, rdev=os.makedev(5, 1))
    member = read(tarstream.head(device, mtime=7))
    assert (member.ischr(), member.devmajor, member.devminor) == (True, 5, 1)
