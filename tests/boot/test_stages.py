"""Systems packed in stages, in both modes: the guest itself tells what its whole tree is, the host what it must be."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imager import commands, cpio, segments, starter, tools
from imager.contract import Initramfs, Layer, Stage
from imager.root import Root
from localvm.console import Console
from localvm.machine import Machine
from tests.boot.test_init import programs, said
from tests.support import stages
from tests.support.engine import IMAGES, REPOSITORY, Engine, unavailable
from tests.support.manifest import Node, Rules, difference
from tests.support.stages import Tree
from tests.support.vm import boot, require_tool

__all__ = ["programs"]
pytestmark = pytest.mark.boot

EPOCH = 1_700_000_000
BOOT_SECONDS = 120.0
OFF_SECONDS = 20.0
SPARSE = 5_000_000_000
DOCKER = ("DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "HOME", "PATH")
"""What the client's environment must have."""
TAIL = b"the sparse end!\n"


@dataclass(frozen=True)
class Packer:
    """Packs stages as the plan does, and boots them."""

    kernel: Path
    modules: Path
    init: Path
    guest: Path
    folder: Path

    def stages(self, *changes: Callable[[Tree], None]) -> list[Path]:
        """Make a tree and change it, and keep what it is after each change."""
        tree = Tree(self.folder / "live")
        tree.root.mkdir()
        trees = []
        for number, change in enumerate(changes):
            change(tree)
            trees.append(tree.copy(self.folder / f"stage{number}"))
        return trees

    def pack(self, trees: list[Path], kind: type[Stage]) -> tuple[list[Path], tuple[segments.Segment, ...]]:
        """Pack the stages; return the segments, and what is said of them."""
        packed: list[Path] = []
        facts: list[str] = []
        for number, tree in enumerate(trees):
            last = number == len(trees) - 1
            out = self.folder / f"{kind.command}{len(trees)}-{number}"
            own: dict[str, Any] = {"init": str(self.init)} if kind is Initramfs else {"number": number}
            request = kind(
                system=str(tree),
                output=str(out),
                compression="zstd:1",
                epoch=EPOCH,
                below=str(trees[number - 1]) if number else "",
                facts=f"{out}.json",
                lower=tuple(facts) if last or number > 1 else (),
                more=not last,
                **own,
            )
            commands.perform(request)
            packed.append(out)
            facts.append(request.facts)
        return packed, segments.read(facts[-1])

    def machine(self, packed: list[Path], *, layers: bool, memory_mib: int = 512) -> Machine:
        """Give the machine that boots segments."""
        initrd = self.folder / "initrd"
        with initrd.open("wb") as archive:
            if layers:
                version = self.kernel.name.removeprefix("vmlinuz-")
                archive.write(starter.archive(Root(self.modules), version, self.init, len(packed), EPOCH))
            for each in packed:
                archive.write(cpio.padding(archive.tell()) + each.read_bytes())
        return Machine(
            kernel=self.kernel,
            initrd=initrd,
            append="console=ttyS0 quiet claylinux.on_failure=poweroff",
            firmware=False,
            memory_mib=memory_mib,
        )

    @property
    def holds_user_attributes(self) -> bool:
        """Whether this kernel's tmpfs does."""
        return [int(part) for part in self.kernel.name.removeprefix("vmlinuz-").split(".")[:2]] >= [6, 6]


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The guest's PID 1, compiled."""
    require_tool("gcc", "mksquashfs", "cp")
    program = tmp_path_factory.mktemp("guest") / "manifest"
    source = Path(__file__).parent / "guest/manifest.c"
    subprocess.run(["gcc", "-static", "-Os", "-Wall", "-Wextra", "-Werror", "-o", program, source], check=True)
    return program


@pytest.fixture
def mksquashfs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's program, or the frontend's: before 4.6 it takes neither the root's time nor long symbolic links."""
    told = subprocess.run(["mksquashfs", "-version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"version (\d+)\.(\d+)", told)
    assert version, told
    if (int(version[1]), int(version[2])) < (4, 6):
        engine: Engine = request.getfixturevalue("engine")
        words = ["env", *(f"{name}={value}" for name, value in engine.env.items() if name in DOCKER)]
        words += ["docker", "run", "--rm", "--interactive", "--network=none", f"--volume={tmp_path}:{tmp_path}"]
        words += ["--entrypoint=/usr/bin/mksquashfs", IMAGES[1]]
        program = tmp_path / "bin/mksquashfs"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        program.chmod(0o755)
        monkeypatch.setitem(tools._ENVIRONMENT, "PATH", f"{program.parent}:{os.environ['PATH']}")


@pytest.fixture
def packer(programs: Path, guest: Path, debian_kernel: Path, debian_modules: Path, tmp_path: Path) -> Iterator[Packer]:
    if os.geteuid() != 0:
        unavailable("only root can make files of all owners, and devices")
    try:
        (tmp_path / "probe").touch()
        os.setxattr(tmp_path / "probe", "user.colour", b"red")
        os.setxattr(tmp_path / "probe", "system.posix_acl_access", stages.acl(1000))
        os.setxattr(tmp_path / "probe", "security.capability", stages.CAPABILITY)
    except OSError as error:
        unavailable(f"cannot set extended attributes in {tmp_path}: {error}")
    yield Packer(debian_kernel, debian_modules, programs / "init-amd64", guest, tmp_path)
    # So many files, with setuid and devices among them, are nothing to keep.
    shutil.rmtree(tmp_path)


def check(console: Console, wanted: Node) -> None:
    """Compare what the guest says of its tree."""
    total = console.expect(r"^total ([0-9a-f]{8}) (\d+)\n", BOOT_SECONDS)
    count = sum(1 for _ in wanted)
    if (total[1], int(total[2])) != (f"{wanted.digest:08x}", count):
        pytest.fail(f"{total[2]} paths, wanted {count}; {difference(console, wanted)}")


def turn_off(console: Console) -> list[str]:
    """End the guest; return what our init said."""
    console.send("off\n")
    assert console.wait_off(OFF_SECONDS) == 0
    return said(console.text)


def test_a_tmpfs_of_three_segments(packer: Packer) -> None:
    """Everything odd that can be unpacked over what was there before."""
    trees = packer.stages(lambda tree: stages.first(tree, packer.guest), stages.second, stages.third)
    packed, facts = packer.pack(trees, Initramfs)
    assert [each.problem for each in facts] == ["", "", ""]
    lost = () if packer.holds_user_attributes else ("user.",)
    wanted = Rules(EPOCH, lost).read(trees[-1])
    with boot(packer.machine(packed, layers=False)) as console:
        check(console, wanted)
        messages = turn_off(console)
    assert [line.split(",")[0] for line in messages] == ["this kernel keeps no user attributes in memory"][: len(lost)]


def over_directories(guest: Path) -> tuple[Callable[[Tree], None], ...]:
    """Give the same stages; they also put other things in the place of directories."""

    def second(tree: Tree) -> None:
        stages.second(tree)
        stages.second_over_directories(tree)

    def third(tree: Tree) -> None:
        stages.third(tree)
        stages.third_over_directories(tree)

    return (lambda tree: stages.first(tree, guest), second, third)


def test_a_tmpfs_packed_whole(packer: Packer) -> None:
    """What cannot be unpacked over what was there is told, and packed whole instead."""
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
@pytest.mark.usefixtures("mksquashfs")
def test_an_overlay_of_three_layers(packer: Packer) -> None:
    """The same in layers, and a file that is bigger than a cpio archive can hold."""

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


def test_a_file_that_is_too_big_for_a_tmpfs(packer: Packer) -> None:
    """It is refused, with the way out."""
    system = packer.folder / "system"
    (system / "var").mkdir(parents=True)
    with (system / "var/sparse").open("wb") as file:
        file.truncate(SPARSE)
    request = Initramfs(system=str(system), init=str(packer.init), output=str(packer.folder / "out"), epoch=EPOCH)
    argv = [sys.executable, "-m", "imager", *request.argv()]
    done = subprocess.run(argv, cwd=REPOSITORY, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == (
        f"imager: error: /var/sparse has {SPARSE} bytes, but a file in an initramfs must be smaller than 4 GiB: "
        "remove it from the system, split it, or use rootfs.mode: overlay\n"
    )


def test_a_hundred_thousand_files(packer: Packer) -> None:
    trees = packer.stages(lambda tree: many(tree, packer.guest), change_many)
    packed, _ = packer.pack(trees, Initramfs)
    wanted = Rules(EPOCH).read(trees[-1])
    with boot(packer.machine(packed, layers=False, memory_mib=1024)) as console:
        check(console, wanted)
        assert turn_off(console) == []


def many(tree: Tree, guest: Path) -> None:
    """Make 100,000 tiny files."""
    tree.folder("sbin", "root", "many")
    tree.file("sbin/init", guest.read_bytes(), 0o755)
    for folder in range(1000):
        tree.folder(f"many/{folder}")
        for number in range(100):
            (tree.root / f"many/{folder}/{number}").write_text(f"{folder * number}" if number % 2 else "")
        tree.date(f"many/{folder}", 1_000_000_000 + folder)


def change_many(tree: Tree) -> None:
    """Remove, add and change some of them."""
    for folder in range(100):
        tree.remove(f"many/{folder}")
    for folder in range(200, 300):
        for number in range(0, 100, 10):
            tree.remove(f"many/{folder}/{number}")
            tree.file(f"many/{folder}/{number + 1}", "changed")
            tree.file(f"many/{folder}/new{number}", "new")
        tree.date(f"many/{folder}", 1_000_000_000 + folder % 2 * folder)
