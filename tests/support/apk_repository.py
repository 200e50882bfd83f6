"""An apk repository made from scratch: packages, their index, and signatures that the real apk accepts.

Formats: wiki of Alpine, "Apk spec" (v2). A package is a sequence of three gzip streams: signature, control, data. Each
is a tar, but only the last one has an end mark. The index contains the SHA-1 of each package's control stream.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BUILD_DATE = 1_725_000_000


@dataclass(frozen=True, kw_only=True)
class File:
    """A file in a package: a link if `link` is set, a directory if `content` is None."""

    content: bytes | None = None
    mode: int = 0o644
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Package:
    """The content of a package. `files` are by path without leading slash; `scripts` by name, such as post-install."""

    name: str
    version: str = "1.0-r0"
    files: Mapping[str, File] = field(default_factory=dict)
    depends: tuple[str, ...] = ()
    scripts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SigningKey:
    """An RSA key pair in `directory`; apk finds the public key by `name`."""

    directory: Path
    name: str

    @classmethod
    def make(cls, directory: Path, name: str = "claylinux-test.rsa.pub") -> SigningKey:
        key = cls(directory, name)
        _openssl("genrsa", "-out", str(key.private), "2048")
        _openssl("rsa", "-in", str(key.private), "-pubout", "-out", str(key.public))
        return key

    @property
    def private(self) -> Path:
        return self.directory / "private.pem"

    @property
    def public(self) -> Path:
        return self.directory / self.name

    def sign(self, stream: bytes) -> bytes:
        """Return the stream that precedes `stream`: its RSA signature with SHA-1, as apk 2 requires it."""
        signature = _openssl("dgst", "-sha1", "-sign", str(self.private), stdin=stream)
        return _stream([(f".SIGN.RSA.{self.name}", File(content=signature))], last=False)


def publish(packages: list[Package], key: SigningKey, directory: Path, machine: str = "x86_64") -> None:
    """Write a repository for one kind of machine: MACHINE/NAME-VERSION.apk, MACHINE/APKINDEX.tar.gz."""
    place = directory / machine
    place.mkdir(parents=True, exist_ok=True)
    entries = []
    for package in packages:
        data = _stream(_with_directories(package.files), last=True)
        control = _control(package, data, machine)
        content = key.sign(control) + control + data
        (place / f"{package.name}-{package.version}.apk").write_bytes(content)
        identity = base64.b64encode(hashlib.sha1(control).digest()).decode()
        lines = {
            "C": f"Q1{identity}",
            "P": package.name,
            "V": package.version,
            "A": machine,
            "S": str(len(content)),
            "I": str(_size(package)),
            "T": package.name,
            "U": "",
            "L": "none",
            "o": package.name,
            "t": str(BUILD_DATE),
            "D": " ".join(package.depends),
        }
        entries.append("".join(f"{letter}:{value}\n" for letter, value in lines.items() if value) + "\n")
    index = _stream([("DESCRIPTION", File(content=b"test")), ("APKINDEX", File(content="".join(entries).encode()))])
    (place / "APKINDEX.tar.gz").write_bytes(key.sign(index) + index)


@contextmanager
def serve(
    directory: Path, kind: type[SimpleHTTPRequestHandler] = SimpleHTTPRequestHandler
) -> Iterator[tuple[str, list[str]]]:
    """Serve `directory` on the loopback interface; yield its URL and the list of requested names of files."""
    asked: list[str] = []

    class Handler(kind):  # type: ignore[misc, valid-type]
        def log_message(self, *_: object) -> None:
            asked.append(self.path.rpartition("/")[2])

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(directory)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def tree(directory: Path, below: str = "") -> dict[str, File]:
    """Return the content of a directory as files of a package, at `below`."""
    files: dict[str, File] = {}
    for path in sorted(directory.rglob("*")):
        name = f"{below}{path.relative_to(directory)}"
        if path.is_symlink():
            files[name] = File(link=str(path.readlink()))
        elif path.is_file():
            files[name] = File(content=path.read_bytes(), mode=path.stat().st_mode & 0o7777)
        elif path.is_dir() and not any(path.iterdir()):
            files[name] = File(mode=0o755)
    return files


def _control(package: Package, data: bytes, machine: str) -> bytes:
    lines = [
        f"pkgname = {package.name}",
        f"pkgver = {package.version}",
        f"pkgdesc = {package.name}",
        f"builddate = {BUILD_DATE}",
        f"size = {_size(package)}",
        f"arch = {machine}",
        f"origin = {package.name}",
        "license = none",
        *(f"depend = {name}" for name in package.depends),
        f"datahash = {hashlib.sha256(data).hexdigest()}",
    ]
    files = [(".PKGINFO", File(content=("\n".join(lines) + "\n").encode()))]
    files += [(f".{name}", File(content=text.encode(), mode=0o755)) for name, text in sorted(package.scripts.items())]
    return _stream(files, last=False)


def _size(package: Package) -> int:
    return sum(len(file.content or b"") for file in package.files.values())


def _with_directories(files: Mapping[str, File]) -> list[tuple[str, File]]:
    directories = {
        str(parent): File(mode=0o755) for name in files for parent in Path(name).parents if str(parent) != "."
    }
    return sorted({**directories, **files}.items())


def _stream(files: list[tuple[str, File]], *, last: bool = True) -> bytes:
    """Return a gzip stream with a tar of `files`; streams before the last one have no end-of-archive blocks."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, file in files:
            member = tarfile.TarInfo(name)
            member.mtime, member.mode = BUILD_DATE, file.mode
            member.uname = member.gname = "root"
            if file.link:
                member.type, member.linkname, member.mode = tarfile.SYMTYPE, file.link, 0o777
                member.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(file.link.encode()).hexdigest()}
            elif file.content is None:
                member.type = tarfile.DIRTYPE
            else:
                member.size = len(file.content)
                member.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(file.content).hexdigest()}
            tar.addfile(member, io.BytesIO(file.content or b""))
        end = tar.offset
    content = archive.getvalue()
    return gzip.compress(content if last else content[:end], 1, mtime=0)


def _openssl(*argv: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *argv], input=stdin, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
