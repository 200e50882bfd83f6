"""A machine with the key `update`, made of directories, and versions for it."""

from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.guest_programs import GUEST
from tests.support.vm import require_tool

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
_PARTS = ("say", "devices", "table", "partition", "persist", "words", "status", "text", "json")
_APPLETS = """awk cat chmod cp cut date dd df dirname fold grep gzip head ls mkdir mv od rm rmdir sed sha256sum sleep
tail tar tee timeout touch tr truncate uname wc"""
_STANDS_FOR_A_DISK = """
find_places() { esp_node=esp updates_node=updates; }
attach() { :; }
detach() { :; }
sync() { :; }
flush_disk() { :; }
reboot() { echo "$*" >>"$proc/reboots"; }
"""


@dataclass(frozen=True)
class Keys:
    """A key pair, as files."""

    private: Path
    public: Path


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Keys, Keys]:
    """Two key pairs: that of the system, and another."""
    require_tool("openssl")
    return tuple(make_keys(tmp_path_factory.mktemp("keys"), name) for name in ("ours", "other"))  # type: ignore[return-value]


def make_keys(place: Path, name: str) -> Keys:
    """Make a key pair."""
    private, public = place / f"{name}.key", place / f"{name}.pem"
    subprocess.run(["openssl", "genrsa", "-out", private, "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return Keys(private, public)


@dataclass(frozen=True)
class Version:
    """A version as the imager would make it: `parts` are the pieces, and numbers are so many zeros."""

    version: str
    parts: tuple[bytes | int, ...]
    name: str = "web"
    architecture: str = ARCHITECTURE
    channel: str = ""
    certificate: bytes = b""
    """Of whoever signed it for Secure Boot, in DER."""

    @property
    def content(self) -> bytes:
        """The whole file."""
        return b"".join(bytes(part) for part in self.parts)

    @property
    def pieces(self) -> dict[str, bytes]:
        """The distinct pieces, in order."""
        return {hashlib.sha256(part).hexdigest(): part for part in self.parts if isinstance(part, bytes)}

    @property
    def index(self) -> str:
        """The index by the contract."""
        lines = ["claylinux-update 1", f"name {self.name}", f"version {self.version}"]
        lines += [f"architecture {self.architecture}", *([f"channel {self.channel}"] if self.channel else [])]
        lines += [f"size {len(self.content)}", f"sha256 {hashlib.sha256(self.content).hexdigest()}"]
        lines += [f"certificate {base64.b64encode(self.certificate).decode()}"] if self.certificate else []
        at = 0
        for part in self.parts:
            if isinstance(part, bytes):
                lines.append(f"piece {hashlib.sha256(part).hexdigest()} {at} {len(part)}")
            at += len(bytes(part))
        return "".join(f"{line}\n" for line in lines)

    def publish(self, place: Path, key: Keys, *, index: str | None = None) -> None:
        """Write the tree that a web server has."""
        (place / "pieces").mkdir(parents=True, exist_ok=True)
        for digest, content in self.pieces.items():
            (place / "pieces" / digest).write_bytes(content)
        sign(place / "update.pieces", self.index if index is None else index, key)

    def put(self, place: Path, key: Keys, count: str = "") -> Path:
        """Write it to a place of the disk, as if it had been installed there."""
        for name in ("EFI/Linux", "claylinux"):
            (place / name).mkdir(parents=True, exist_ok=True)
        sign(place / f"claylinux/{self.name}_{self.version}.pieces", self.index, key)
        file = place / f"EFI/Linux/{self.name}_{self.version}{count}.efi"
        file.write_bytes(self.content)
        return file


def sign(file: Path, index: str, key: Keys) -> None:
    """Write an index and its signature."""
    file.write_text(index)
    argv: list[str | Path] = ["openssl", "dgst", "-sha256", "-sign", key.private, "-out", f"{file}.sig", file]
    subprocess.run(argv, check=True)


@dataclass(frozen=True)
class Done:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


@dataclass
class UpdateGuest:
    """A machine whose disk is two directories. `settings` are those of update.conf."""

    place: Path
    shell: str
    keys: Keys
    settings: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require_tool(self.shell, "curl", "openssl")
        for name in ("proc", "sys/block", "root/etc/ssl/certs", "ours", "bin", "work"):
            (self.place / name).mkdir(parents=True)
        for place in (self.esp, self.updates):
            place.mkdir(parents=True)
        if self.shell == "busybox":
            for name in _APPLETS.split():
                (self.place / "bin" / name).symlink_to(str(shutil.which("busybox")))
        shutil.copy(self.keys.public, self.place / "ours/update.pem")
        (self.place / "proc/uptime").write_text("100.00 100.00\n")
        (self.place / "proc/cmdline").write_text("quiet\n")
        (self.place / "proc/mounts").write_text("")
        names = ("from", "channel", "ca", "proxy", "rate")
        self.settings = {f"update_{name}": "" for name in names} | {
            "update_every": "86400",
            "update_reboot": "manual",
            "update_login": str(self.place / "netrc"),
            "health_services": "",
            "health_command": "",
            "health_timeout": "5",
            "state_label": "",
            "persist_words": "",
        } | self.settings  # fmt: skip

    @property
    def esp(self) -> Path:
        """The EFI partition."""
        return self.place / "at/esp"

    @property
    def updates(self) -> Path:
        """The partition for later versions."""
        return self.place / "at/updates"

    @property
    def log(self) -> str:
        """What was told to the kernel's log."""
        file = self.place / "log"
        return file.read_text() if file.exists() else ""

    @property
    def reboots(self) -> int:
        """How often it was told to reboot."""
        file = self.place / "proc/reboots"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def runs(self, version: Version, count: str = "", *, installed: bool = True) -> Path:
        """Let a version be the running one."""
        (self.place / "root/etc/os-release").write_text(f"IMAGE_ID={version.name}\nIMAGE_VERSION={version.version}\n")
        return version.put(self.esp if installed else self.updates, self.keys, count)

    def files(self) -> dict[str, bytes]:
        """Return all files of the partition for later versions."""
        found = (path for path in sorted(self.updates.rglob("*")) if path.is_file())
        return {path.relative_to(self.updates).as_posix(): path.read_bytes() for path in found}

    def versions(self) -> list[str]:
        """Return the names of the files of versions there."""
        return [name.removeprefix("EFI/Linux/") for name in self.files() if name.startswith("EFI/Linux/")]

    def update(self, *words: str, more: str = "") -> Done:
        """Run the command `claylinux update`."""
        quoted = " ".join(f"'{word}'" for word in words)
        return self.run(f"{more}\nsubject=update\nupdate_command {quoted}")

    def run(self, script: str) -> Done:
        """Run a script with all parts."""
        # What the parent of the tests ignores, as nohup(1) does, a shell cannot trap.
        argv, environment = ("/usr/bin/env", "--default-signal=HUP,INT", *self._argv(script)), self._environment
        done = subprocess.run(argv, env=environment, text=True, capture_output=True, timeout=60, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    def cut(self, script: str, seconds: float) -> None:
        """Run a script, and cut the power after so many seconds."""
        quiet = subprocess.DEVNULL
        argv, environment = self._argv(script), self._environment
        with subprocess.Popen(argv, env=environment, stdout=quiet, stderr=quiet, start_new_session=True) as running:
            with suppress(subprocess.TimeoutExpired):
                running.wait(seconds)
            with suppress(ProcessLookupError):
                while True:  # until none is left, as the lock is theirs
                    os.killpg(running.pid, signal.SIGKILL)
                    running.poll()

    def _argv(self, script: str) -> list[str]:
        values = {name: str(self.place / name) for name in ("sys", "proc", "root", "ours", "work", "log")}
        values |= {"dev": "/dev", "places": str(self.place / "at"), "store": "/state", "said": "/dev/null"}
        values |= {"lists": str(self.place / "ours"), "command": "false", "pause": "0", "steady": "0"} | self.settings
        lines = [f"{name}='{value}'" for name, value in values.items()]
        lines += [f". {GUEST}/{part}.sh" for part in _PARTS]
        lines += [f". {part}" for part in sorted((GUEST / "update").glob("*.sh"))]
        shell = ["busybox", "sh"] if self.shell == "busybox" else [self.shell]
        return [*shell, "-uc", "\n".join((*lines, _STANDS_FOR_A_DISK, script))]

    @property
    def _environment(self) -> dict[str, str]:
        return {"PATH": f"{self.place}/bin:{os.environ['PATH']}:/usr/sbin:/sbin", "LC_ALL": "C"}
