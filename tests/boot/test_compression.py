"""Every compression in both modes: the guest checks its whole tree."""

from __future__ import annotations

import os
import random
import struct
from pathlib import Path

import pytest

from imager.requests.packing import Initramfs, Layer, Stage
from spec.compression import LEVELS, NONE
from tests.support.manifest import Rules
from tests.support.packer import BOOT_SECONDS, EPOCH, Packer, check, turn_off
from tests.support.stages import Tree
from tests.support.vm import boot

pytestmark = pytest.mark.boot

KINDS = ("none", "gz", "xz", "lz4", "zstd:22")
"""The last one needs the largest window that the kernel supports; the tests of stages use zstd:1."""
_COMPRESSION = 20
"""The position of the compression in a squashfs: after five 32-bit numbers (Linux, fs/squashfs/squashfs_fs.h)."""
_LZMA = 2
"""A compression that the format defines, but that no kernel supports."""


def first(tree: Tree, guest: Path) -> None:
    """Create a small system; one file has more than the 8 MiB that lz4 compresses together."""
    tree.directory("sbin", "root", "usr/lib")
    tree.file("sbin/init", guest.read_bytes(), 0o755)
    blocks = [random.Random(number).randbytes(4096) for number in range(8)]
    tree.file("usr/lib/big", b"".join(block * 320 for block in blocks))
    for number in range(50):
        tree.file(f"usr/lib/{number}", f"{number}\n" * number * 100)


def second(tree: Tree) -> None:
    """Change some of it, so that another segment follows the end of the first one."""
    tree.remove("usr/lib/7")
    tree.file("usr/lib/8", "changed")
    tree.directory("usr/lib/new")


def test_every_kind_has_its_case() -> None:
    assert {compression.partition(":")[0] for compression in KINDS} == {NONE, *LEVELS}


@pytest.mark.parametrize("compression", KINDS)
def test_unpacked(packer: Packer, compression: str) -> None:
    boots(packer, Initramfs, compression)


@pytest.mark.engine
@pytest.mark.usefixtures("image_programs")
@pytest.mark.parametrize("compression", KINDS)
def test_in_layers(packer: Packer, compression: str) -> None:
    boots(packer, Layer, compression)


def boots(packer: Packer, kind: type[Stage], compression: str) -> None:
    """Pack the system and boot it."""
    trees = packer.stages(lambda tree: first(tree, packer.guest), second)
    packed, _ = packer.pack(trees, kind, compression)
    with boot(packer.machine(packed, layers=kind is Layer)) as console:
        check(console, Rules(EPOCH).read(trees[-1]))
        assert turn_off(console) == []


@pytest.mark.engine
@pytest.mark.usefixtures("image_programs")
def test_a_kernel_that_cannot_decompress_a_layer_says_so(packer: Packer) -> None:
    """The machine turns off immediately, as requested: it neither hangs nor panics."""
    trees = packer.stages(lambda tree: first(tree, packer.guest))
    (layer,), _ = packer.pack(trees, Layer)
    with layer.open("r+b") as archive:
        os.pwrite(archive.fileno(), struct.pack("<H", _LZMA), _COMPRESSION)
    with boot(packer.machine([layer], layers=True)) as console:
        assert console.wait_off(BOOT_SECONDS) == 0
        text = console.text
    assert "claylinux: cannot mount layer 0: it is damaged, or the kernel does not support its compression" in text, (
        text
    )
    assert "panic" not in text
