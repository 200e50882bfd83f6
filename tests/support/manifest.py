"""The expected tree of a system in a guest: the same records and digests as in tests/boot/guest/manifest.c.

It follows docs/internals/initramfs.md, and shares no code with the packer.
"""

from __future__ import annotations

import os
import stat
import string
import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localvm.console import Console

MOUNT_POINTS = {b"dev": 0o755, b"proc": 0o555, b"run": 0o755, b"sys": 0o555, b"tmp": 0o1777}
"""Empty directories that every system has."""
TARGETS = {name + b".target": name for name in (b"hostname", b"hosts", b"resolv.conf")}
ATTRIBUTES = ("security.capability", "system.posix_acl_", "trusted.", "user.")
_KINDS = {
    stat.S_IFREG: "f",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFCHR: "c",
    stat.S_IFBLK: "b",
    stat.S_IFIFO: "p",
}
_PLAIN = frozenset(string.printable.encode()) - frozenset(b" \t\n\r\x0b\x0c\\")
_WHOLE, _EDGE = 16 << 20, 64 << 10
SECONDS = 60.0


@dataclass
class Node:
    """A path of the system; `source` is its place on the host."""

    name: bytes
    path: bytes
    record: str
    source: bytes = b""
    children: list[Node] = field(default_factory=list)
    digest: int = 0

    def __iter__(self) -> Iterator[Node]:
        """Yield this node and everything below it, in the order of a walk."""
        yield self
        for child in self.children:
            yield from child


@dataclass(frozen=True)
class Rules:
    """Rules for times, and the attributes that a guest cannot store."""

    epoch: int
    lost: tuple[str, ...] = ()

    def read(self, system: Path) -> Node:
        """Return the tree that the guest must find."""
        names: dict[tuple[int, int], list[Node]] = defaultdict(list)
        root = self._node(b"", b"", os.fsencode(system), names)
        for same in names.values():
            for node in same if len(same) > 1 else ():
                node.record += f" link={escape(same[0].path, keep=b'/')}"
        _digest(root)
        return root

    def _node(self, name: bytes, path: bytes, source: bytes, names: dict[tuple[int, int], list[Node]]) -> Node:
        status = os.lstat(source)
        node = Node(name, path, self._record(source, status), source)
        if stat.S_ISREG(status.st_mode):
            names[status.st_dev, status.st_ino].append(node)
        if stat.S_ISDIR(status.st_mode):
            for child, place in sorted(_shipped(path, source).items()):
                below = path + b"/" + child
                made = Node(child, below, f"d {MOUNT_POINTS.get(child, 0):o} 0 0 {self.epoch}.0")
                node.children.append(self._node(child, below, place, names) if place else made)
        return node

    def _record(self, source: bytes, status: os.stat_result) -> str:
        seconds = min(max(status.st_mtime_ns // 10**9, 0), self.epoch)
        kind = stat.S_IFMT(status.st_mode)
        words = [_KINDS[kind], f"{stat.S_IMODE(status.st_mode):o}", status.st_uid, status.st_gid, f"{seconds}.0"]
        if kind == stat.S_IFREG:
            words += [status.st_size, f"{_content(source, status.st_size):08x}"]
        if kind in (stat.S_IFCHR, stat.S_IFBLK):
            words.append(f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}")
        if kind == stat.S_IFLNK:
            words.append(escape(os.readlink(source)))  # noqa: PTH115 - bytes
        for name in sorted(os.listxattr(source, follow_symlinks=False)):
            if name.startswith(ATTRIBUTES) and not name.startswith(self.lost or "\0"):
                value = os.getxattr(source, name, follow_symlinks=False)
                words.append(f"{name}:{len(value)}:{zlib.crc32(value):08x}")
        return " ".join(map(str, words))


def escape(text: bytes, keep: bytes = b"") -> str:
    """Return bytes in the guest's notation."""
    return "".join(chr(byte) if byte in _PLAIN or byte in keep else f"\\x{byte:02x}" for byte in text)


def difference(console: Console, wanted: Node, found: int = 0, path: str = "") -> str:
    """Ask the guest for the first path that differs from `wanted`; `found` is its number for that node."""
    console.send(f"show {found}\n")
    record = console.expect(rf"^record {found} (.*)\n", SECONDS)[1]
    if record != wanted.record:
        return f"{path or '/'}\n  is     {record}\n  wanted {wanted.record}"
    console.send(f"list {found}\n")
    listing = console.expect(r"^((?:entry .*\n)*)listed\n", SECONDS)[1]
    entries = {name: (int(number), digest) for _, number, digest, name in map(str.split, listing.splitlines())}
    children = {escape(child.name): child for child in wanted.children}
    if missing := children.keys() - entries:
        return f"missing: {path}/{min(missing)}"
    if more := entries.keys() - children:
        return f"too much: {path}/{min(more)}"
    for name, child in children.items():
        number, digest = entries[name]
        if digest != f"{child.digest:08x}":
            return difference(console, child, number, f"{path}/{name}")
    return f"{path}: nothing differs"


def _shipped(path: bytes, source: bytes) -> dict[bytes, bytes]:
    """Return the shipped names in a directory with their sources; a name without source is synthetic."""
    found = {
        entry.name: entry.path
        for entry in os.scandir(source)
        if not stat.S_ISSOCK(entry.stat(follow_symlinks=False).st_mode)
    }
    if path == b"":
        found.pop(b".dockerenv", None)
        found = dict.fromkeys(MOUNT_POINTS, b"") | found
        del found[b"dev"]  # another file system in the guest
    if path == b"/etc":
        found |= {replaced: found.pop(name) for name, replaced in TARGETS.items() if name in found}
    return {} if path in (b"/boot", *(b"/" + name for name in MOUNT_POINTS)) else found


def _content(source: bytes, size: int) -> int:
    with open(source, "rb") as file:  # noqa: PTH123 - the path is bytes
        if size <= _WHOLE:
            return zlib.crc32(file.read())
        start = file.read(_EDGE)
        file.seek(size - _EDGE)
        return zlib.crc32(start + file.read())


def _digest(node: Node) -> None:
    text = node.record + "\n"
    for child in node.children:
        _digest(child)
        text += f"{escape(child.name)} {child.digest:08x}\n"
    node.digest = zlib.crc32(text.encode())
