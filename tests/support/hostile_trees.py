"""Random trees as a stranger would make them: what the imager reads and writes is spoiled in every way that we know."""

from __future__ import annotations

import gzip
import lzma
import os
import stat
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from tests.support.imager import make_kernel, make_system
from tests.unit.imager.kernel.test_modules import make_module

VERSION = "6.1.0-1-amd64"
MODULES = f"usr/lib/modules/{VERSION}"
SECRET = b"the secret of the builder"
"""What lies outside of every tree, and must be nowhere afterwards."""
PLACES = (
    *("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/os-release", "usr/lib/os-release", "etc/fstab"),
    *("etc/skel", "etc/skel/.profile", "home", "home/me", "home/me/.ssh", "home/me/.ssh/authorized_keys", "root"),
    *("etc", "etc/ssh", "etc/ssh/ssh_host_rsa_key", "etc/machine-id", "var", "var/log", "var/log/app", "var/lib/dbus"),
    *("boot", "boot/cmdline", "boot/keep", f"boot/vmlinuz-{VERSION}", f"boot/config-{VERSION}", "boot/intel-ucode.img"),
    *("lib", "usr/lib/modules", MODULES, f"{MODULES}/modules.dep", f"{MODULES}/modules.alias", f"{MODULES}/vmlinuz"),
    *(f"{MODULES}/modules.builtin", f"{MODULES}/modules.builtin.modinfo", f"{MODULES}/modules.softdep"),
    *(f"{MODULES}/kernel", f"{MODULES}/kernel/net.ko", f"{MODULES}/kernel/disk.ko.xz", f"{MODULES}/kernel/loop.ko.gz"),
    *("usr/lib/firmware", "usr/lib/firmware/net.bin", "usr/lib/firmware/intel-ucode", "usr/lib/firmware/amd-ucode"),
    *("usr/lib/firmware/intel-ucode/06-0f-0b", "usr/lib/firmware/intel-ucode/06-0f-0c.xz"),
    *("etc/systemd/system", "etc/systemd/system/own.service", "etc/init.d", "etc/runlevels/default", "etc/resolv.conf"),
    *("usr/bin/systemctl", "sbin/openrc-run", "usr/sbin/sshd", "sbin/init", "usr/sbin/init", "usr", "usr/lib"),
    *("etc/localtime", "etc/timezone", "usr/share/zoneinfo", "usr/share/zoneinfo/Europe", "usr/share/zoneinfo/posix"),
    *("usr/share/zoneinfo/Europe/Berlin", "usr/lib/locale", "usr/lib/locale/locale-archive", "usr/share/i18n/locales"),
    *("etc/locale.conf", "etc/default", "etc/default/locale", "etc/default/keyboard", "etc/profile.d", "lib/ld-musl-x"),
    *("usr/share/X11/xkb/rules/base.lst", "usr/share/bkeymaps", "usr/share/bkeymaps/de", "etc/conf.d", "etc/crypttab"),
    *("usr/bin/setupcon", "usr/sbin/mkswap", "usr/lib/claylinux", "usr/lib/claylinux/zram-swap", "usr/share", "srv"),
    *("var/lib/dpkg", "var/lib/dpkg/status", "var/lib/dpkg/status.d", "usr/share/doc/a/copyright", "usr/share/doc/a"),
    *("var/lib/dpkg/info/a.list", "lib/apk/db/installed", "init", ".dockerenv", "etc/hosts.target", "dev", "tmp"),
)
NAMES = (b"a", b"two\nlines", b"\x1b[2J", b"\xff\xfe", b"::error::x", b"n" * 255, b" ", b"-rf", b"\xe2\x80\xa8")
_COPYRIGHT = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
_TEXTS = (
    "", "\0", "x" * 100_000, "root:x\n", "root:x:0:0::/:/bin/sh\n", "sudo:x:27\nme:x:zz:zz::/:\n", "::error::\x1b[2J\n",
    "me:x:1000:1000::/home/../../..:/bin/sh\n", "me:x:0:0::/ho\0me:\n", "a\x0bb\x85c\u2028d\n", "/x\n" * 1000,
    "kernel/net.ko: kernel/disk.ko.xz\nkernel/disk.ko.xz: kernel/net.ko\n", "../../../etc/passwd:\n", "a.ko: " * 3000,
    "".join(f"m{n}.ko: m{n + 1}.ko\n" for n in range(3000)), "softdep a pre: b\nalias b a\n", "P:x\nF:usr\nR:\n",
    "/dev/x / ext4\n" * 99, "\\777 \\000 swap sw,\x85\n" * 99, "License: (((GPL-2 or\n" * 9,
    "Package: a\nVersion: 1\nSource: " + "a (" * 9000 + "\nMaintainer: \x1b[2J\u2028\nStatus: ok\n\n",
    "! layout\n  de x\n! variant\n  nodeadkeys de: \x1b[2J\n", f"{_COPYRIGHT}License: \x1b[2J AND {'(' * 9000}\n",
    "CONFIG_SQUASHFS=y\n", "/etc/machine-id\n/etc/ssh/ssh_host_rsa_key\n/../../x\n", "0123456789abcdef" * 2 + "\n",
)  # fmt: skip


class Tree:
    """One tree below `top`, which also has a directory `outside` that nothing may touch."""

    def __init__(self, top: Path, random: Random) -> None:
        self.top, self.random = top, random
        self.system, self.outside = top / "system", top / "outside"
        self.outside.mkdir(parents=True)
        (self.outside / "secret").write_bytes(SECRET)
        (self.outside / "directory").mkdir()
        (self.outside / "directory/secret").write_bytes(SECRET)
        make_system(self.system)
        self._fill()

    def spoil(self, times: int) -> list[str]:
        """Spoil so many things; return what was done."""
        done = []
        for _ in range(times):
            place = self.random.choice(PLACES)
            how = self.random.choice(_WAYS)
            with suppress(OSError):
                how(self, self.system / place)
                done.append(f"{how.__name__} {place}")
        return done

    def seen_outside(self) -> list[tuple[str, int, bytes]]:
        """Return what lies outside, to be compared."""
        found = []
        for place in sorted(self.outside.rglob("*")):
            content = place.read_bytes() if place.is_file() else b""
            found.append((str(place), place.lstat().st_mode, content))
        return found

    def _fill(self) -> None:
        """Make a system that all steps find something in."""
        for path, content in {
            "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
            "etc/group": b"root:x:0:\nsudo:x:27:\n",
            "etc/shadow": b"root:*:1:0:99999:7:::\n",
            "etc/machine-id": b"0123456789abcdef" * 2 + b"\n",
            "etc/skel/.profile": b"# hello\n",
            "usr/bin/systemctl": b"",
            "usr/bin/tool": b"#!/bin/sh\n",
            "usr/lib/systemd/systemd-networkd": b"",
            "usr/lib/firmware/net.bin": b"firmware",
            "usr/lib/firmware/intel-ucode/06-0f-0b": b"microcode",
            f"{MODULES}/kernel/net.ko": make_module("firmware=net.bin", "firmware=n*.bin"),
            f"{MODULES}/kernel/disk.ko.xz": lzma.compress(make_module("license=GPL")),
            f"{MODULES}/kernel/loop.ko.gz": gzip.compress(make_module("license=GPL")),
            f"{MODULES}/modules.dep": b"kernel/net.ko: kernel/disk.ko.xz\nkernel/disk.ko.xz:\nkernel/loop.ko.gz:\n",
            f"{MODULES}/modules.builtin": b"kernel/squashfs.ko\nkernel/overlay.ko\n",
            "var/lib/dpkg/info/a.list": b"/usr/bin/tool\n",
            "var/lib/dpkg/status": b"Package: a\nVersion: 1\nStatus: install ok installed\n",
            "usr/share/doc/a/copyright": f"{_COPYRIGHT}License: GPL-2\n".encode(),
            "usr/share/zoneinfo/Europe/Berlin": b"TZif2",
            "usr/share/i18n/locales/de_DE": b"",
            "usr/share/X11/xkb/rules/base.lst": b"! model\n  pc105 x\n! layout\n  de x\n! variant\n  x de: x\n",
            "usr/lib/locale/locale-archive": b"\0de_DE.utf8\0",
            "usr/bin/setupcon": b"",
            "etc/fstab": b"/dev/vdb none swap sw 0 0\nUUID=1 / ext4 defaults 0 1\n",
            "var/log/app/log": b"log\n",
        }.items():
            place = self.system / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        (self.system / "usr/bin/tool").chmod(0o755)


def remove(place: Path) -> None:
    """Remove a tree, which may be deeper than Python can go."""
    subprocess.run(["rm", "-rf", "--", place], check=True)


def clear(place: Path) -> None:
    """Remove whatever is in the way, and make room for something else."""
    if place.is_dir() and not place.is_symlink():
        remove(place)
    elif os.path.lexists(place):
        place.unlink()
    place.parent.mkdir(parents=True, exist_ok=True)


def link(tree: Tree, place: Path) -> None:
    clear(place)
    targets = (
        *(tree.outside, tree.outside / "secret", tree.outside / "directory", "../" * 30 + str(tree.outside)[1:]),
        *(place.name, "/", ".", "..", "/etc", "/no/such", "/dev/zero", "/proc/self/mem", "x" * 4000),
        *("/" + str(other) for other in PLACES[:20]),
    )
    place.symlink_to(str(tree.random.choice(targets)))


def circle(tree: Tree, place: Path) -> None:
    clear(place)
    names = [f"{place.name[:20]}-{number}" for number in range(tree.random.choice((2, 39, 41, 60)))]
    for name, other in zip([place.name, *names], [*names, place.name], strict=True):
        clear(place.with_name(name))
        place.with_name(name).symlink_to(other)


def pipe(tree: Tree, place: Path) -> None:
    clear(place)
    os.mkfifo(place)


def device(tree: Tree, place: Path) -> None:
    clear(place)
    kind = tree.random.choice((stat.S_IFCHR, stat.S_IFBLK))
    os.mknod(place, kind | 0o644, os.makedev(1, tree.random.choice((3, 5, 8))))


def huge(tree: Tree, place: Path) -> None:
    clear(place)
    size = tree.random.choice((1, 64 << 10, 17 << 20, 300 << 20, 5 << 30, 550 << 30, 1 << 42))
    with place.open("wb") as file:
        file.truncate(size)
        for _ in range(tree.random.randrange(3)):
            file.seek(tree.random.randrange(size))
            file.write(b"data")


def noise(tree: Tree, place: Path) -> None:
    clear(place)
    place.write_bytes(tree.random.randbytes(tree.random.choice((0, 1, 63, 64, 4096, 70_000))))


def words(tree: Tree, place: Path) -> None:
    clear(place)
    chosen = "".join(tree.random.choice(_TEXTS) for _ in range(tree.random.randrange(1, 5)))
    place.write_text(chosen, errors="surrogateescape")


def packed(tree: Tree, place: Path) -> None:
    clear(place)
    data = tree.random.choice((bytes(40 << 20), make_module("firmware=\x1b[2J", "firmware=" + "*a" * 40), b""))
    made = tree.random.choice((gzip.compress, lzma.compress, bytes))(data)
    place.write_bytes(made[: tree.random.choice((None, len(made) // 2, 10))])


def kernel(tree: Tree, place: Path) -> None:
    clear(place)
    version = tree.random.choice((VERSION, "7.0\n::error::x", "../..", "x" * 70, ""))
    place.write_bytes(make_kernel(version)[: tree.random.choice((None, 0x206, 0x210, 64, 2000))])


def directory(tree: Tree, place: Path) -> None:
    clear(place)
    place.mkdir()
    for _ in range(tree.random.randrange(4)):
        name = os.fsencode(place) + b"/" + tree.random.choice(NAMES)
        with suppress(FileExistsError), open(name, "xb") as file:  # noqa: PTH123 - bytes
            file.write(b"x")


def deep(tree: Tree, place: Path) -> None:
    clear(place)
    name = tree.random.choice(("d", "d" * 200))
    above = os.open(place.parent, os.O_PATH)
    os.mkdir(place.name, dir_fd=above)
    for part in (place.name, *[name] * tree.random.choice((10, 600, 1200))):
        with suppress(FileExistsError):
            os.mkdir(part, dir_fd=above)
        below = os.open(part, os.O_PATH, dir_fd=above)
        os.close(above)
        above = below
    os.close(above)


def hard(tree: Tree, place: Path) -> None:
    other = tree.system / tree.random.choice(PLACES)
    if other.is_file() and not other.is_symlink() and other != place:
        clear(place)
        place.hardlink_to(other)


def gone(tree: Tree, place: Path) -> None:
    clear(place)


def mode(tree: Tree, place: Path) -> None:
    if not place.is_symlink():
        place.chmod(tree.random.choice((0, 0o7777, 0o4755, 0o1777, 0o600)))


_WAYS: tuple[Callable[[Tree, Path], None], ...] = (
    *(link, link, link, circle, pipe, device, huge, huge, noise, words, words),
    *(packed, kernel, directory, deep, hard, gone, mode),
)
