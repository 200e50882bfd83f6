"""An apt repository made from scratch: packages, their list, and a signed InRelease that the real apt accepts.

Formats: deb(5), deb-control(5) and the wiki of Debian, "DebianRepository/Format".
"""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SUITE = "stable"
POOL = "pool"
LIST = f"dists/{SUITE}/main/binary-amd64/Packages"
_DATE = "Wed, 01 Jan 2025 00:00:00 UTC"
_TIME = 1_725_000_000


@dataclass(frozen=True, kw_only=True)
class Deb:
    """A package without files, whose script `postinst` runs when it is installed."""

    name: str
    version: str = "1.0"
    postinst: str = ":"
    depends: str = ""
    recommends: str = ""

    @property
    def file(self) -> str:
        """What the file of the package is called."""
        return f"{self.name}_{self.version}_amd64.deb"

    def pack(self, size: int = 0) -> bytes:
        """Return the file, filled to `size` with bytes that dpkg does not look at."""
        control = self.stanza().encode()
        members = {
            "debian-binary": b"2.0\n",
            "control.tar.gz": _tar({"./control": control, "./postinst": f"#!/bin/sh\n{self.postinst}\n".encode()}),
            "data.tar.gz": _tar({}),
        }
        content = b"!<arch>\n"
        for name, data in members.items():
            head = f"{name:<16}{_TIME:<12}{0:<6}{0:<6}{0o100644:<8o}{len(data):<10}`\n"
            content += head.encode() + data + b"\n" * (len(data) % 2)
        return content.ljust(size, b"\n")

    def stanza(self) -> str:
        """Return what the package says about itself."""
        lines = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": "amd64",
            "Maintainer": "Test <test@example.com>",
            "Depends": self.depends,
            "Recommends": self.recommends,
            "Description": "a test",
        }
        return "".join(f"{key}: {value}\n" for key, value in lines.items() if value)

    def listed(self, content: bytes) -> str:
        """Return the entry of a list of packages for the file with this content."""
        digest = hashlib.sha256(content).hexdigest()
        return f"{self.stanza()}Filename: {POOL}/{self.file}\nSize: {len(content)}\nSHA256: {digest}\n\n"


@dataclass(frozen=True)
class Signer:
    """A key of its own in a directory of gpg's."""

    home: Path

    @classmethod
    def make(cls, home: Path) -> Signer:
        home.mkdir(mode=0o700)
        signer = cls(home)
        signer.gpg("--passphrase=", "--quick-generate-key", "test@example.com", "ed25519", "sign", "never")
        (home / "key.asc").write_bytes(signer.gpg("--armor", "--export"))
        return signer

    @property
    def public(self) -> Path:
        return self.home / "key.asc"

    def gpg(self, *args: str, stdin: bytes = b"") -> bytes:
        done = subprocess.run(
            ["gpg", "--quiet", "--batch", f"--homedir={self.home}", "--pinentry-mode=loopback", *args],
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def publish(packages: Iterable[Deb], signer: Signer, folder: Path) -> None:
    """Write a repository, or a new state of one: pool, list of packages, InRelease."""
    _write(packages, signer, folder, f"dists/{SUITE}", LIST.removeprefix(f"dists/{SUITE}/"))


def publish_flat(packages: Iterable[Deb], signer: Signer, folder: Path) -> None:
    """Write a repository without `dists`: the list of packages and InRelease are in its own directory."""
    _write(packages, signer, folder, ".", "Packages")


def _write(packages: Iterable[Deb], signer: Signer, folder: Path, place: str, name: str) -> None:
    (folder / POOL).mkdir(parents=True, exist_ok=True)
    listed = ""
    for package in packages:
        content = package.pack()
        (folder / POOL / package.file).write_bytes(content)
        listed += package.listed(content)
    entries = ""
    for path, data in ((name, listed.encode()), (f"{name}.gz", gzip.compress(listed.encode(), mtime=0))):
        (folder / place / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / place / path).write_bytes(data)
        entries += f" {hashlib.sha256(data).hexdigest()} {len(data)} {path}\n"
    release = f"Suite: {SUITE}\nCodename: {SUITE}\nDate: {_DATE}\nArchitectures: amd64\nComponents: main\n"
    release += f"SHA256:\n{entries}"
    (folder / place / "InRelease").write_bytes(signer.gpg("--clearsign", stdin=release.encode()))


def _tar(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.mtime, member.mode, member.size = _TIME, 0o755, len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(made.getvalue(), mtime=0)
