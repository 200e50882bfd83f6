"""Three stages of one system with every oddity: a base, packages, and the rest.

`first`, `second` and `third` change one tree in place, like build steps do.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import struct
import subprocess
import zlib
from dataclasses import dataclass
from pathlib import Path

NO_TEXT = b"\xff\xfe-latin-\xe9"
LONG = b"n" * 255
NAMES = (NO_TEXT, b"two\nlines", b"-rf", LONG, b"a b  c ", b"*", b"back\\slash", b"\x01\x7f", "schön".encode(), b"...")
"""Names that programs often handle incorrectly."""
OWNERS = ((0, 0), (1000, 100), (65534, 65534), (2097151, 2097152), (4294967294, 4294967294))
TIMES = (-(10**9), -0.5, 0, 0.75, 1_000_000_000.123456, 1_699_999_999, 1_700_000_000, 1_700_000_001, 2**33)
"""Times before 1970, with fractions, and around and after the epoch of the tests."""
MODES = (0o000, 0o644, 0o755, 0o4755, 0o2755, 0o6711, 0o1644, 0o7777)
# cap_net_bind_service=ep, and the same for a user namespace (linux/capability.h, VFS_CAP_REVISION_2).
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
OTHER_CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0)
NOBODY = 0xFFFFFFFF


def acl(user: int) -> bytes:
    """Return an ACL that lets `user` read (linux/posix_acl_xattr.h)."""
    entries = ((1, 6, NOBODY), (2, 4, user), (4, 4, NOBODY), (16, 4, NOBODY), (32, 0, NOBODY))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def _time(salt: int) -> float:
    return TIMES[salt % len(TIMES)] if salt % 4 == 0 else 500_000_000 + salt % 1_000_000_000


@dataclass(frozen=True)
class Tree:
    """A changing system. Paths are bytes or text below its root."""

    root: Path

    def place(self, path: bytes | str) -> bytes:
        """Return the place of `path` on the host."""
        return os.path.join(os.fsencode(self.root), os.fsencode(path))  # noqa: PTH118 - bytes

    def directory(self, *paths: bytes | str, mode: int = 0o755) -> None:
        for path in paths:
            os.makedirs(self.place(path), exist_ok=True)  # noqa: PTH103 - bytes
            os.chmod(self.place(path), mode)  # noqa: PTH101 - bytes

    def file(self, path: bytes | str, content: bytes | str = b"", mode: int = 0o644) -> None:
        """Create a file; an existing path is replaced by a new file."""
        place = self.place(path)
        if os.path.lexists(place):
            os.unlink(place)  # noqa: PTH108 - bytes
        with open(place, "wb") as file:  # noqa: PTH123 - bytes
            file.write(os.fsencode(content))
        os.chmod(place, mode)  # noqa: PTH101 - bytes

    def holes(self, path: str, size: int, *data: int) -> None:
        """Make a file that has data only at some places."""
        self.file(path)
        with open(self.place(path), "wb") as file:  # noqa: PTH123 - bytes
            file.truncate(size)
            for at in data:
                file.seek(at)
                file.write(b"%d bytes further on" % at)

    def link(self, path: bytes | str, target: bytes | str) -> None:
        os.symlink(os.fsencode(target), self.place(path))  # noqa: PTH211 - bytes

    def hard(self, path: bytes | str, other: bytes | str) -> None:
        """Add another name to `other`."""
        os.link(self.place(other), self.place(path), follow_symlinks=False)

    def device(self, path: bytes | str, mode: int, major: int = 0, minor: int = 0) -> None:
        os.mknod(self.place(path), mode, os.makedev(major, minor))

    def remove(self, *paths: bytes | str) -> None:
        for path in paths:
            place = self.place(path)
            if os.path.isdir(place) and not os.path.islink(place):  # noqa: PTH112, PTH114 - bytes
                shutil.rmtree(place)
            else:
                os.unlink(place)  # noqa: PTH108 - bytes

    def own(self, path: bytes | str, uid: int, gid: int) -> None:
        """Change the owner and keep the mode, including setuid."""
        mode = os.lstat(self.place(path)).st_mode
        os.lchown(self.place(path), uid, gid)
        if not stat.S_ISLNK(mode):
            self.mode(path, mode)

    def mode(self, path: bytes | str, mode: int) -> None:
        os.chmod(self.place(path), stat.S_IMODE(mode))  # noqa: PTH101 - bytes

    def set(self, path: bytes | str, name: str, value: bytes) -> None:
        os.setxattr(self.place(path), name, value, follow_symlinks=False)

    def unset(self, path: bytes | str, name: str) -> None:
        os.removexattr(self.place(path), name, follow_symlinks=False)

    def date(self, path: bytes | str, time: float) -> None:
        os.utime(self.place(path), (time, time), follow_symlinks=False)

    def date_all(self, stage: int, below: bytes = b"") -> None:
        """Set the time of every path; in some stages directories keep their time, whatever changed in them."""
        with os.scandir(self.place(below)) as listing:
            for entry in listing:
                path = below + b"/" + entry.name if below else entry.name
                directory = entry.is_dir(follow_symlinks=False)
                if directory:
                    self.date_all(stage, path)
                if directory or stage == 1 or zlib.crc32(path) % 5 == stage:
                    again = directory and zlib.crc32(path) % 3 == stage % 3
                    self.date(path, _time(zlib.crc32(path + b"%d" % (stage if again else 1))))
        if not below:
            self.date(b"", TIMES[4] + stage)

    def copy(self, to: Path) -> Path:
        """Return a copy of the current tree; as on some builders, the copies share no inode."""
        subprocess.run(["cp", "-a", str(self.root), str(to)], check=True, timeout=120)
        return to


def first(tree: Tree, init: Path) -> None:
    """Create the base; `init` is the program that the guest runs."""
    tree.directory("boot", "etc", "opt", "sbin", "usr/bin", "usr/lib", "var/lib", "tmp", "run", "dev")
    tree.directory("root", mode=0o700)
    tree.mode("tmp", 0o1777)
    tree.file("sbin/init", init.read_bytes(), 0o755)
    for path in ("boot/vmlinuz", "tmp/left", "run/left", "dev/left", ".dockerenv", "etc/hosts"):
        tree.file(path, "of the container")
    tree.file("init", "of the system\n", 0o755)
    tree.file("etc/hosts.target", "127.0.0.1 localhost\n")
    for directory in range(20):
        tree.directory(f"usr/lib/many/{directory}")
        for number in range(150):
            tree.file(f"usr/lib/many/{directory}/{number}", f"{directory} {number}\n" * (number % 7))
    tree.directory("/".join(["usr/deep", *["d"] * 200]))
    tree.file("/".join(["usr/deep", *["d"] * 200, "bottom"]), "deep")
    tree.directory(b"/".join([b"usr/far", *[b"%02d" % number + b"x" * 238 for number in range(12)]]))
    _names(tree)
    _kinds(tree)
    _attributes(tree)
    for number in range(8):
        tree.directory(f"var/empty{number}")
    tree.file("var/big", bytes(range(256)) * 4096 * 3)
    for name in ("stays", "filled", "moved", "gone"):
        tree.holes(f"var/holes-{name}", 9 << 20, 5 << 20)
    tree.hard("var/holes-other-name", "var/holes-stays")
    tree.date_all(1)


def second(tree: Tree) -> None:
    """Install the packages; the result can be unpacked over the base."""
    for number in range(0, 150, 3):
        tree.remove(f"usr/lib/many/1/{number}")
    tree.remove("usr/lib/many/2", "usr/lib/many/3", "usr/deep/d/d/d", "usr/odd/links/loop", "usr/odd/hard/three")
    tree.directory("usr/lib/many/4/new")
    tree.file("usr/lib/many/4/new/file", "new")
    for number in range(0, 150, 2):
        tree.file(f"usr/lib/many/5/{number}", f"changed {number}\n")
    same = os.lstat(tree.place("usr/lib/many/6/6"))
    tree.file("usr/lib/many/6/6", bytes(same.st_size).replace(b"\0", b"#"))
    for number, mode in enumerate(MODES):
        tree.mode(f"usr/odd/modes/{number}", mode ^ 0o111)
    for number, owner in enumerate(OWNERS):
        tree.own(f"usr/odd/owners/{number}", owner[1], owner[0] ^ 1)
    for name in NAMES[:5]:
        tree.remove(b"usr/odd/names/" + name, b"usr/odd/folders/" + name)
    tree.set("usr/odd/attributes/capable", "security.capability", OTHER_CAPABILITY)
    tree.unset("usr/odd/attributes/user", "user.colour")
    tree.set("usr/odd/attributes/listed", "system.posix_acl_access", acl(2000))
    tree.remove("var/empty0", "var/empty1", "var/empty2", "var/pipe", "var/null", "var/link", "var/holes-gone")
    tree.file("var/holes-filled", "x" * (1 << 20))
    tree.holes("var/holes-moved", 14 << 20, 0, 9 << 20, 13 << 20)
    # A file in the place of another, and more names for existing files.
    for kind in ("null", "sda", "pipe", "link"):
        tree.remove(f"usr/odd/kinds/{kind}")
        tree.file(f"usr/odd/kinds/{kind}", f"was {kind}")
    tree.remove("usr/odd/kinds/file", "usr/odd/kinds/renumbered")
    tree.link("usr/odd/kinds/file", "links to nothing")
    tree.device("usr/odd/kinds/renumbered", stat.S_IFCHR | 0o640, 200, 70_000)
    tree.hard("usr/odd/hard/across", "usr/odd/hard/lonely")
    tree.file("usr/odd/hard/broken2", "on its own now")
    tree.hard("usr/odd/hard/four", "usr/odd/hard/one")
    tree.date_all(2)
    tree.date("usr/lib/many/6/6", same.st_mtime)


def third(tree: Tree) -> None:
    """Do the rest, which partly reverts the packages."""
    tree.directory("usr/lib/many/2", "usr/deep/d/d/d/again", "var/empty0", "var/empty1")
    for number in range(0, 150, 5):
        tree.file(f"usr/lib/many/2/{number}", f"back {number}")
        tree.file(f"usr/lib/many/1/{number}", f"back {number}")
    for name in NAMES[2:5]:
        tree.file(b"usr/odd/names/" + name, b"back")
        tree.directory(b"usr/odd/folders/" + name, mode=0o700)
    tree.file("var/pipe", "no pipe now")
    tree.device("var/null", stat.S_IFCHR | 0o600, 1, 5)
    tree.file("var/link", "no link now")
    tree.directory("usr/odd/kinds/folder")
    tree.remove("usr/odd/kinds/sda")
    tree.directory("usr/odd/kinds/sda")
    tree.file("usr/odd/kinds/sda/in", "a file became a directory")
    tree.remove("usr/odd/hard/across", "usr/odd/hard/two", "usr/lib/many/7/7")
    tree.hard("usr/odd/hard/three", "usr/lib/many/7/8")
    tree.hard("usr/lib/many/7/7", "usr/odd/hard/one")
    tree.file("init", "of the system, changed\n", 0o755)
    tree.file("etc/hostname.target", "guest\n")
    tree.remove("usr/lib/many/4/new")
    tree.remove("usr/lib/many/19")
    tree.set("", "trusted.note", b"on the root")
    tree.set("usr/odd/attributes/late", "security.capability", CAPABILITY)
    tree.date_all(3)
    tree.date("var/empty0", TIMES[4] + 3)


def second_over_directories(tree: Tree) -> None:
    """Replace directories with other types; `third_over_directories` partly reverts this."""
    for number in range(8, 12):
        tree.remove(f"usr/lib/many/{number}")
    tree.file("usr/lib/many/8", "a file now")
    tree.link("usr/lib/many/9", "10")
    tree.file("usr/lib/many/10", "a file for one stage")
    tree.device("usr/lib/many/11", stat.S_IFIFO | 0o600)
    tree.remove("usr/lib/many/12")
    tree.date_all(2)


def third_over_directories(tree: Tree) -> None:
    tree.remove("usr/lib/many/10")
    tree.directory("usr/lib/many/10")
    tree.file("usr/lib/many/10/other", "what was here before is not")
    tree.link("usr/lib/many/12", "/usr/lib/many/13")
    tree.date_all(3)


def _names(tree: Tree) -> None:
    tree.directory("usr/odd/names", "usr/odd/folders", "usr/odd/links")
    for name in NAMES:
        tree.file(b"usr/odd/names/" + name, name)
        tree.directory(b"usr/odd/folders/" + name)
        tree.file(b"usr/odd/folders/" + name + b"/" + name)
        tree.link(b"usr/odd/links/" + name, b"../names/" + name)
    targets = {"loop": "loop", "dangling": "nowhere", "absolute": "/etc/hosts", "root": "/", "up": "../" * 30}
    for path, target in targets.items():
        tree.link(f"usr/odd/links/{path}", target)
    tree.link("usr/odd/links/long", b"t" * 4000)


def _kinds(tree: Tree) -> None:
    tree.directory("usr/odd/kinds", "usr/odd/modes", "usr/odd/owners", "usr/odd/hard")
    for directory in ("usr/odd/kinds", "var"):
        tree.device(f"{directory}/null", stat.S_IFCHR | 0o666, 1, 3)
        tree.device(f"{directory}/sda", stat.S_IFBLK | 0o660, 8, 0)
        tree.device(f"{directory}/pipe", stat.S_IFIFO | 0o622)
        tree.link(f"{directory}/link", "null")
        with socket.socket(socket.AF_UNIX) as made:
            here = os.open(tree.place(directory), os.O_PATH)
            made.bind(f"/proc/self/fd/{here}/socket")
            os.close(here)
    tree.file("usr/odd/kinds/file", "a file")
    tree.device("usr/odd/kinds/renumbered", stat.S_IFCHR | 0o640, 200, 3)
    tree.device("usr/odd/kinds/far", stat.S_IFBLK | 0o640, 4095, 1_048_575)
    tree.hard("usr/odd/kinds/pipe-too", "usr/odd/kinds/pipe")
    tree.hard("usr/odd/kinds/link-too", "usr/odd/kinds/link")
    for number, mode in enumerate(MODES):
        tree.file(f"usr/odd/modes/{number}", "mode", mode)
        tree.directory(f"usr/odd/modes/folder{number}", mode=mode)
    for number, owner in enumerate(OWNERS):
        for name, make in (("", tree.file), ("folder", tree.directory)):
            make(f"usr/odd/owners/{name}{number}", mode=0o6755)
            tree.own(f"usr/odd/owners/{name}{number}", *owner)
        tree.link(f"usr/odd/owners/link{number}", "nobody's")
        tree.own(f"usr/odd/owners/link{number}", *owner)
    for name, others in {"one": ("two", "three", "z"), "broken": ("broken2",), "empty": ("empty2",)}.items():
        tree.file(f"usr/odd/hard/{name}", name if name != "empty" else "")
        for other in others:
            tree.hard(f"usr/odd/hard/{other}", f"usr/odd/hard/{name}")
    tree.hard("etc/one", "usr/odd/hard/one")
    tree.hard("boot/one", "usr/odd/hard/broken")
    tree.file("usr/odd/hard/lonely", "lonely")


def _attributes(tree: Tree) -> None:
    tree.directory("usr/odd/attributes")
    for name in ("capable", "user", "listed", "late", "both", "capable2"):
        tree.file(f"usr/odd/attributes/{name}", name, 0o640)
    tree.set("usr/odd/attributes/capable", "security.capability", CAPABILITY)
    tree.set("usr/odd/attributes/capable2", "security.capability", CAPABILITY)
    tree.hard("usr/odd/attributes/capable3", "usr/odd/attributes/capable2")
    tree.set("usr/odd/attributes/user", "user.colour", b"red")
    tree.set("usr/odd/attributes/user", "user.bytes", bytes(range(256)) * 8)
    tree.set("usr/odd/attributes/user", "user.empty", b"")
    tree.set("usr/odd/attributes/listed", "system.posix_acl_access", acl(1000))
    tree.set("usr/odd/attributes/both", "system.posix_acl_access", acl(4294967294))
    tree.set("usr/odd/attributes/both", "security.capability", CAPABILITY)
    tree.directory("usr/odd/attributes/folder", "usr/odd/attributes/plain")
    tree.set("usr/odd/attributes/folder", "system.posix_acl_default", acl(1000))
    tree.set("usr/odd/attributes/plain", "user.colour", b"blue")
    tree.link("usr/odd/attributes/link", "listed")
    tree.set("usr/odd/attributes/link", "trusted.note", b"on a link")
    for odd in NAMES:
        tree.set(b"usr/odd/names/" + odd, "trusted.name", odd)
