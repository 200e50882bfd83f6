"""Systems packed in stages, in both modes: the guest describes its whole tree, the host computes the expected tree."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from imager.requests.packing import Initramfs, Layer, Stage
from tests.support import stages
from tests.support.manifest import Rules
from tests.support.packer import BOOT_SECONDS, EPOCH, Packer, check, turn_off
from tests.support.stages import Tree
from tests.support.vm import boot

pytestmark = pytest.mark.boot

SPARSE = 5_000_000_000
TAIL = b"the sparse end!\n"


def test_a_tmpfs_of_three_segments(packer: Packer) -> None:
    """Every oddity that can be unpacked over existing files."""
    trees = packer.stages(lambda tree: stages.first(tree, packer.guest), stages.second, stages.third)
    packed, facts = packer.pack(trees, Initramfs)
    assert [each.problem for each in facts] == ["", "", ""]
    lost = () if packer.holds_user_attributes else ("user.",)
    wanted = Rules(EPOCH, lost).read(trees[-1])
    with boot(packer.machine(packed, layers=False)) as console:
        check(console, wanted)
        messages = turn_off(console)
    expected = ["the kernel cannot store user attributes in memory"] if lost else []
    assert [line.split(" (")[0] for line in messages] == expected


def over_directories(guest: Path) -> tuple[Callable[[Tree], None], ...]:
    """Return the same stages with changes that also replace directories with other types."""

    def second(tree: Tree) -> None:
        stages.second(tree)
        stages.second_over_directories(tree)

    def third(tree: Tree) -> None:
        stages.third(tree)
        stages.third_over_directories(tree)

    return (lambda tree: stages.first(tree, guest), second, third)


def test_a_tmpfs_packed_whole(packer: Packer) -> None:
    """If unpacking over existing files is impossible, the description says so, and the system is packed whole."""
    trees = packer.stages(*over_directories(packer.guest))
    _, facts = packer.pack(trees, Initramfs)
    told = [each.problem for each in facts]
    assert told == ["", "/usr/lib/many/10 was a directory before", "/usr/lib/many/12 was a directory before"]
    packed, _ = packer.pack(trees[-1:], Initramfs)
    lost = () if packer.holds_user_attributes else ("user.",)
    wanted = Rules(EPOCH, lost).read(trees[-1])
    with boot(packer.machine(packed, layers=False)) as console:
        check(console, wanted)
        turn_off(console)


@pytest.mark.engine
@pytest.mark.usefixtures("image_programs")
def test_an_overlay_of_three_layers(packer: Packer) -> None:
    """The same in layers, with a file that is larger than a cpio archive allows."""

    def third(tree: Tree) -> None:
        rest(tree)
        with (tree.root / "var/sparse").open("wb") as file:
            file.truncate(SPARSE - len(TAIL))
            file.seek(0, os.SEEK_END)
            file.write(TAIL)

    base, packages, rest = over_directories(packer.guest)
    trees = packer.stages(base, packages, third)
    packed, facts = packer.pack(trees, Layer)
    assert [each.problem for each in facts] == ["", "", ""]
    assert packed[-1].stat().st_size < 8 << 20
    wanted = Rules(EPOCH).read(trees[-1])
    with boot(packer.machine(packed, layers=True)) as console:
        check(console, wanted)
        console.send("tail /var/sparse\n")
        console.expect(f"^tail {SPARSE} {TAIL.hex()}\n", BOOT_SECONDS)
        assert turn_off(console) == []


def test_a_file_larger_than_the_memory_in_a_tmpfs(packer: Packer) -> None:
    """It is larger than an archive can store, too: packed, and in memory, is only its data."""

    def base(tree: Tree) -> None:
        tree.directory("sbin", "root", "var")
        tree.file("sbin/init", packer.guest.read_bytes(), 0o755)
        tree.holes("var/sparse", SPARSE, 0, 3 << 30, SPARSE - 100)

    trees = packer.stages(base)
    packed, (facts,) = packer.pack(trees, Initramfs)
    assert facts.size < 4 << 20
    with boot(packer.machine(packed, layers=False, memory_mib=512)) as console:
        check(console, Rules(EPOCH).read(trees[-1]))
        assert turn_off(console) == []


def test_a_hundred_thousand_files(packer: Packer) -> None:
    very_many_files(packer, Initramfs, lambda tree: many(tree, packer.guest), change_many)


@pytest.mark.engine
@pytest.mark.usefixtures("image_programs")
def test_thirty_thousand_files_in_a_layer(packer: Packer) -> None:
    """Fewer, and in one layer, because an emulated machine needs minutes to read a hundred thousand through two."""
    very_many_files(packer, Layer, lambda tree: many(tree, packer.guest, 300))


def very_many_files(packer: Packer, kind: type[Stage], *changes: Callable[[Tree], None]) -> None:
    """Pack and boot them."""
    trees = packer.stages(*changes)
    packed, _ = packer.pack(trees, kind)
    wanted = Rules(EPOCH).read(trees[-1])
    with boot(packer.machine(packed, layers=kind is Layer, memory_mib=1024)) as console:
        check(console, wanted)
        assert turn_off(console) == []


def many(tree: Tree, guest: Path, directories: int = 1000) -> None:
    """Create tiny files, 100 in each directory."""
    tree.directory("sbin", "root", "many")
    tree.file("sbin/init", guest.read_bytes(), 0o755)
    for directory in range(directories):
        tree.directory(f"many/{directory}")
        for number in range(100):
            (tree.root / f"many/{directory}/{number}").write_text(f"{directory * number}" if number % 2 else "")
        tree.date(f"many/{directory}", 1_000_000_000 + directory)


def change_many(tree: Tree) -> None:
    """Remove, add and change some of them."""
    for directory in range(100):
        tree.remove(f"many/{directory}")
    for directory in range(200, 300):
        for number in range(0, 100, 10):
            tree.remove(f"many/{directory}/{number}")
            tree.file(f"many/{directory}/{number + 1}", "changed")
            tree.file(f"many/{directory}/new{number}", "new")
        tree.date(f"many/{directory}", 1_000_000_000 + directory % 2 * directory)
