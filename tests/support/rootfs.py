"""A model of the machine with segments: the kernel unpacks them (init/initramfs.c), then our init cleans up.

It follows the kernel's source, not the packer, and reproduces the kernel's pitfalls.
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.imager import Member, read_newc

LISTS = ("removed", "times", "xattrs")


@dataclass
class Node:
    """An inode; several paths may share one."""

    mode: int
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    rdev: tuple[int, int] = (0, 0)
    data: bytes = b""


@dataclass
class Rootfs:
    """The paths in the imager's notation; the root is `.`."""

    nodes: dict[bytes, Node] = field(default_factory=lambda: {b".": Node(stat.S_IFDIR | 0o755)})
    directory_times: list[tuple[bytes, int]] = field(default_factory=list)

    def unpack(self, archive: bytes) -> None:
        """Unpack one archive over the existing paths (`do_name`, `do_copy`, `do_symlink`)."""
        links: dict[tuple[int, int], bytes] = {}
        for member in read_newc(archive):
            self._member(member, links)

    def finish(self) -> None:
        """Set directory times in the kernel's order (last added first), then do the work of init."""
        for name, mtime in reversed(self.directory_times):
            if name in self.nodes:
                self.nodes[name].mtime = mtime
        lists = {name: self.nodes.pop(b".claylinux/" + name.encode()).data for name in LISTS}
        holes = self.nodes.pop(b".claylinux/sparse", None)
        for path in lists["removed"].split(b"\0")[:-1]:
            self._remove(path)
        self._restore_holes(holes.data if holes else b"")
        moved = self.nodes.pop(b".claylinux/init.system", None)
        del self.nodes[b".claylinux"], self.nodes[b"init"]
        if moved:
            self.nodes[b"init"] = moved
        rest = lists["times"]
        while rest:
            path, _, rest = rest.partition(b"\0")
            self.nodes[path[1:] or b"."].mtime = int.from_bytes(rest[:8], "little")
            rest = rest[8:]

    def _member(self, member: Member, links: dict[tuple[int, int], bytes]) -> None:
        name, kind = member.name, stat.S_IFMT(member.mode)
        parent = name.rpartition(b"/")[0] or b"."
        assert stat.S_ISDIR(self.nodes[parent].mode), f"{name!r} has no parent directory"
        if kind == stat.S_IFLNK:
            self._clean(name, 0)
            self._make(name, member, member.data)
            return
        self._clean(name, member.mode)
        if kind == stat.S_IFREG:
            self._regular(member, links)
        elif kind == stat.S_IFDIR:
            node = self.nodes.setdefault(name, Node(member.mode))
            node.mode, node.uid, node.gid = member.mode, member.uid, member.gid
            self.directory_times.append((name, member.mtime))
        elif name in self.nodes:  # mknod fails with EEXIST, chown and chmod follow
            node = self.nodes[name]
            node.mode, node.uid, node.gid, node.mtime = member.mode, member.uid, member.gid, member.mtime
        else:
            self._make(name, member)

    def _regular(self, member: Member, links: dict[tuple[int, int], bytes]) -> None:
        name = member.name
        first = links.setdefault((member.ino, member.mode), name) if member.nlink > 1 else name
        if first != name:
            self._clean(name, 0)
            self.nodes[name] = self.nodes[first]
        else:
            self.nodes.setdefault(name, Node(member.mode)).data = b""  # O_TRUNC
        node = self.nodes[name]
        node.mode, node.uid, node.gid, node.mtime = member.mode, member.uid, member.gid, member.mtime
        if member.data:
            node.data = member.data

    def _make(self, name: bytes, member: Member, data: bytes = b"") -> None:
        self.nodes[name] = Node(member.mode, member.uid, member.gid, member.mtime, member.rdev, data)

    def _clean(self, name: bytes, mode: int) -> None:
        found = self.nodes.get(name)
        if found is None or stat.S_IFMT(found.mode) == stat.S_IFMT(mode):
            return
        if not stat.S_ISDIR(found.mode) or not any(path.startswith(name + b"/") for path in self.nodes):
            del self.nodes[name]

    def _restore_holes(self, rest: bytes) -> None:
        while rest:
            path, _, rest = rest.partition(b"\0")
            size, count = struct.unpack_from("<QQ", rest)
            ranges = [struct.unpack_from("<QQ", rest, 16 * (index + 1)) for index in range(count)]
            rest = rest[16 * (count + 1) :]
            node = self.nodes[path[1:]]
            if len(node.data) == size:
                continue  # under another name
            made, at = bytearray(size), 0
            for start, length in ranges:
                made[start : start + length] = node.data[at : at + length]
                at += length
            assert at == len(node.data)
            node.data = bytes(made)

    def _remove(self, path: bytes) -> None:
        name = path[1:]
        if any(each.startswith(name + b"/") for each in self.nodes):
            raise AssertionError(f"{path!r} must be removed, but is not empty")
        self.nodes.pop(name, None)


def manifest(rootfs: Rootfs) -> dict[bytes, tuple[object, ...]]:
    """Return a description of each path of a tree; the last part says which paths are one file."""
    names: dict[int, list[bytes]] = {}
    for path, node in rootfs.nodes.items():
        if stat.S_ISREG(node.mode):
            names.setdefault(id(node), []).append(path)
    return {
        path: (node.mode, node.uid, node.gid, node.mtime, node.rdev, node.data, tuple(sorted(names.get(id(node), ()))))
        for path, node in rootfs.nodes.items()
    }


def mutate(root: Path, action: tuple[str, str, str]) -> None:
    """Apply one action (what, path, detail) to a tree, if possible."""
    what, name, detail = action
    path = root / name
    try:
        if what in ("write", "folder", "link", "pipe", "hard") and path.is_dir() and not path.is_symlink():
            return
        if what == "write":
            _write(path, detail)
        elif what == "folder":
            path.mkdir(parents=True)
        elif what == "link":
            path.unlink(missing_ok=True)
            path.symlink_to(detail)
        elif what == "pipe":
            path.unlink(missing_ok=True)
            os.mkfifo(path)
        elif what == "hard":
            if (root / detail).is_file() and not (root / detail).is_symlink() and name != detail:
                path.unlink(missing_ok=True)
                path.hardlink_to(root / detail)
        elif what == "remove":
            _remove(path)
        elif what == "mode" and not path.is_symlink():
            path.chmod(int(detail, 8))
        elif what == "time":
            os.utime(path, (int(detail), int(detail)), follow_symlinks=False)
    except (FileExistsError, FileNotFoundError, NotADirectoryError, OSError):
        return


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_fifo():  # opening it would wait for a reader
        path.unlink()
    path.write_text(text)


def _remove(path: Path) -> None:
    import shutil

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
