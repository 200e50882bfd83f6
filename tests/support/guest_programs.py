"""The shell programs of `imager/guest`, run on image files and directories, with each shell that they meet."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from spec.kept import PARTITION_TYPE
from tests.support.engine import REPOSITORY
from tests.support.vm import require_tool

GUEST = REPOSITORY / "imager/guest"
SHELLS = ("dash", pytest.param("busybox", marks=pytest.mark.slow))
"""That of Debian with its tools, and that of Alpine with its own, which fewer runs try."""
ESP_GUID = "11111111-2222-3333-4444-555555555555"
MIB = 1 << 20
_PARTS = ("say", "devices", "table", "crypt", "partition", "door", "persist", "words", "status", "text", "json")
_APPLETS = """awk cat chmod chown cmp cp cut dd df find fold grep head ln ls mkdir mktemp mv od readlink rm rmdir sed
sha256sum sleep sort stat sync tail touch tr uname wc xargs"""


@dataclass
class Guest:
    """A machine that is made of files: disks are images, `/sys` is a directory. `settings` are those of state.conf."""

    place: Path
    shell: str
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_tool(self.shell, "sfdisk", "mkfs.ext4")
        for name in ("sys/block", "sys/class/block", "dev", "root/state", "lists", "bin"):
            (self.place / name).mkdir(parents=True)
        if self.shell == "busybox":
            for name in _APPLETS.split():
                (self.place / "bin" / name).symlink_to(str(shutil.which("busybox")))
        self.settings = {
            "state_label": "STATE",
            "state_type": PARTITION_TYPE,
            "state_size": "0",
            "state_disk": "boot",
            "state_required": "no",
            "state_encrypt": "",
            "persist_words": "",
            "boot": ESP_GUID,
        } | self.settings

    @property
    def root(self) -> Path:
        """The root directory of the system."""
        return self.place / "root"

    @property
    def said(self) -> str:
        """The problems that were told."""
        file = self.place / "said"
        return file.read_text() if file.exists() else ""

    @property
    def log(self) -> str:
        """All that was told."""
        file = self.place / "log"
        return file.read_text() if file.exists() else ""

    def booted_from(self, guid: str) -> None:
        """Let the firmware say that the machine booted from a partition."""
        variables = self.place / "sys/firmware/efi/efivars"
        variables.mkdir(parents=True, exist_ok=True)
        value = b"\7\0\0\0" + guid.encode("utf-16-le")
        (variables / "LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f").write_bytes(value)

    def run(self, script: str, **more: str) -> str:
        """Run a script with the functions of all parts, and return what it prints."""
        done = subprocess.run(
            self._argv(script, more), env=self._environment, text=True, capture_output=True, timeout=60, check=False
        )
        assert done.stderr == "", done.stderr
        return done.stdout

    def cut(self, script: str, seconds: float) -> None:
        """Run a script, and cut the power after so many seconds: all its processes end at once."""
        with subprocess.Popen(
            self._argv(script, {}),
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as running:
            with suppress(subprocess.TimeoutExpired):
                running.wait(seconds)
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)

    def _argv(self, script: str, more: dict[str, str]) -> list[str]:
        names = {"sys": "sys", "dev": "dev", "root": "root", "proc": "proc", "said": "said", "log": "log"}
        values = {name: str(self.place / path) for name, path in names.items()}
        values |= {"store": "/state", "ours": "/usr/lib/claylinux", "lists": str(self.place / "lists")}
        values |= self.settings | more
        lines = [f"{name}='{value}'" for name, value in values.items()]
        lines += [f". {GUEST}/{part}.sh" for part in _PARTS]
        lines += [f". {part}" for part in sorted(GUEST.glob("install/*.sh"))] if "install_disk" in values else []
        # An image file has no devices for its partitions.
        lines += ["is_shown() { :; }", script]
        shell = ["busybox", "sh"] if self.shell == "busybox" else [self.shell]
        return [*shell, "-uc", "\n".join(lines)]

    @property
    def _environment(self) -> dict[str, str]:
        return {"PATH": f"{self.place}/bin:{os.environ['PATH']}:/usr/sbin:/sbin", "LC_ALL": "C"}

    def disk(self, name: str, mib: int, script: str = "") -> Path:
        """Make a disk, with the partitions that a script of sfdisk names; or give it another size."""
        image = self.place / "dev" / name
        fresh = not image.exists()
        with image.open("ab") as file:
            file.truncate(mib * MIB)
        facts = self.place / "sys/block" / name
        facts.mkdir(exist_ok=True)
        (facts / "size").write_text(f"{mib * MIB // 512}\n")
        (facts / "ro").write_text("0\n")
        if script and fresh:
            _write_table(image, script)
        elif script:
            sfdisk(image, script)
        return image

    def partitions(self, name: str) -> list[list[str]]:
        """Return number, start, size and name of the partitions of a disk, in MiB."""
        rows = [line.split(" ", 5) for line in self.run(f'partitions "$dev/{name}"').splitlines()]
        return [[row[0], *(str(int(each) // 2048) for each in row[1:3]), row[5]] for row in rows]


ESP = f'start=2048, size=40960, type=uefi, uuid={ESP_GUID}, name="EFI System Partition"'
"""The line of sfdisk for an EFI partition of 20 MiB from which the machine booted."""
_TABLE = 64 << 10
"""Bytes at either end of a disk that hold all that sfdisk writes."""


def _write_table(image: Path, script: str) -> None:
    start, end = _table(image.stat().st_size, script)
    with image.open("r+b") as file:
        file.write(start)
        file.seek(-_TABLE, os.SEEK_END)
        file.write(end)


@cache
def _table(size: int, script: str) -> tuple[bytes, bytes]:
    # sfdisk sleeps a quarter of a second before it ends, so each table is made once.
    with tempfile.NamedTemporaryFile() as file:
        file.truncate(size)
        sfdisk(Path(file.name), script)
        start = file.read(_TABLE)
        file.seek(-_TABLE, os.SEEK_END)
        return start, file.read(_TABLE)


def sfdisk(image: Path, script: str, *options: str) -> None:
    """Write a partition table."""
    argv = ["sfdisk", "--quiet", "--wipe=never", *options, str(image)]
    subprocess.run(argv, input=script, text=True, check=True, capture_output=True, timeout=60)
