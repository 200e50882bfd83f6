"""Systems packed in stages and booted: the fixtures `packer` and `image_programs`, and a check of the guest's tree."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imager import commands
from imager.archive import cpio
from imager.core import tools
from imager.initramfs import bootstrap, layer_archive, segments
from imager.requests.packing import Initramfs, Stage
from imager.rootfs.root import Root
from localvm.console import Console
from localvm.machine import Machine
from tests.support import stages
from tests.support.engine import IMAGES, REPOSITORY, Engine, unavailable
from tests.support.manifest import Node, difference
from tests.support.stages import Tree
from tests.support.vm import require_tool, said

EPOCH = 1_700_000_000
BOOT_SECONDS = 120.0
OFF_SECONDS = 20.0
DOCKER = ("DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "HOME", "PATH")
"""Variables that the client's environment must contain."""


@dataclass(frozen=True)
class Packer:
    """Packs stages like the plan does, and boots them."""

    kernel: Path
    modules: Path
    init: Path
    guest: Path
    directory: Path

    def stages(self, *changes: Callable[[Tree], None]) -> list[Path]:
        """Create a tree, apply each change, and return a copy of the tree after each of them."""
        tree = Tree(self.directory / "live")
        tree.root.mkdir()
        trees = []
        for number, change in enumerate(changes):
            change(tree)
            trees.append(tree.copy(self.directory / f"stage{number}"))
        return trees

    def pack(
        self, trees: list[Path], kind: type[Stage], compression: str = "zstd:1"
    ) -> tuple[list[Path], tuple[segments.Segment, ...]]:
        """Pack the stages; return the segments and their descriptions."""
        packed: list[Path] = []
        facts: list[str] = []
        for number, tree in enumerate(trees):
            last = number == len(trees) - 1
            out = self.directory / f"{kind.command}{len(trees)}-{number}"
            own: dict[str, Any] = {"init": str(self.init)} if kind is Initramfs else {"number": number}
            request = kind(
                system=str(tree),
                output=str(out),
                compression=compression,
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
        """Return the machine that boots these segments."""
        initrd = self.directory / "initrd"
        with initrd.open("wb") as archive:
            if layers:
                version = self.kernel.name.removeprefix("vmlinuz-")
                archive.write(bootstrap.archive(Root(self.modules), version, self.init, len(packed), EPOCH))
            for number, each in enumerate(packed):
                head = layer_archive.head(each, number, EPOCH) if layers else b""
                archive.write(cpio.padding(archive.tell()) + head + each.read_bytes())
        return Machine(
            kernel=self.kernel,
            initrd=initrd,
            append="console=ttyS0 quiet no_timer_check claylinux.on_failure=poweroff",
            firmware=False,
            memory_mib=memory_mib,
        )

    @property
    def holds_user_attributes(self) -> bool:
        """Whether the tmpfs of this kernel stores user attributes."""
        return [int(part) for part in self.kernel.name.removeprefix("vmlinuz-").split(".")[:2]] >= [6, 6]


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the guest's PID 1, compiled."""
    require_tool("gcc", "mksquashfs", "tar2sqfs", "cp")
    program = tmp_path_factory.mktemp("guest") / "manifest"
    source = REPOSITORY / "tests/boot/guest/manifest.c"
    subprocess.run(["gcc", "-static", "-Os", "-Wall", "-Wextra", "-Werror", "-o", program, source], check=True)
    return program


@pytest.fixture
def image_programs(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the host's programs for file systems or the frontend's: mksquashfs before 4.6 must compress."""
    told = subprocess.run(["mksquashfs", "-version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"version (\d+)\.(\d+)", told)
    assert version, told
    if (int(version[1]), int(version[2])) < (4, 6):
        engine: Engine = request.getfixturevalue("engine")
        words = ["env", *(f"{name}={value}" for name, value in engine.env.items() if name in DOCKER)]
        words += ["docker", "run", "--rm", "--interactive", "--network=none", f"--volume={tmp_path}:{tmp_path}"]
        (tmp_path / "bin").mkdir()
        for name in ("mksquashfs", "tar2sqfs"):
            program = tmp_path / "bin" / name
            own = [*words, f"--entrypoint=/usr/bin/{name}", IMAGES[1]]
            program.write_text(f'#!/bin/sh\nexec {shlex.join(own)} "$@"\n')
            program.chmod(0o755)
        monkeypatch.setitem(tools._ENVIRONMENT, "PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")


@pytest.fixture
def packer(programs: Path, guest: Path, debian_kernel: Path, debian_modules: Path, tmp_path: Path) -> Iterator[Packer]:
    if os.geteuid() != 0:
        unavailable("only root can create devices and files of all owners")
    try:
        (tmp_path / "probe").touch()
        os.setxattr(tmp_path / "probe", "user.colour", b"red")
        os.setxattr(tmp_path / "probe", "system.posix_acl_access", stages.acl(1000))
        os.setxattr(tmp_path / "probe", "security.capability", stages.CAPABILITY)
    except OSError as error:
        unavailable(f"cannot set extended attributes in {tmp_path}: {error}")
    yield Packer(debian_kernel, debian_modules, programs / "init-amd64", guest, tmp_path)
    # Do not keep so many files, with setuid files and devices among them.
    shutil.rmtree(tmp_path)


def check(console: Console, wanted: Node) -> None:
    """Compare the tree in the guest with the expected one."""
    total = console.expect(r"^total ([0-9a-f]{8}) (\d+)\n", BOOT_SECONDS)
    count = sum(1 for _ in wanted)
    if (total[1], int(total[2])) != (f"{wanted.digest:08x}", count):
        pytest.fail(f"{total[2]} paths, expected {count}; {difference(console, wanted)}")


def turn_off(console: Console) -> list[str]:
    """Turn the guest off; return the messages of our init."""
    console.send("off\n")
    assert console.wait_off(OFF_SECONDS) == 0
    return said(console.text)
