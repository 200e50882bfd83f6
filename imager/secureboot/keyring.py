"""A directory with the keys of Secure Boot, and what machines and builds take of it.

PK.key, KEK.key, db.key     private keys; nothing ever writes over one
PK.crt, KEK.crt, db.crt     their certificates
owner.txt                   a random number, by which firmware tells whose its entries are
*.esl                       PK, KEK, db, dbx as lists: what `*.auth` gives a machine
*.auth                      the same as signed updates, for setup mode and for machines that have the keys
db-add.auth, dbx-add.auth   the last addition alone, for machines that have entries of others, too
PK-remove.auth              takes the platform key away, which leads back to setup mode

PK owns the machine and changes KEK, KEK changes db and dbx, db signs systems, dbx says what is refused all the same.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from imager.core import output, tools
from imager.core.errors import ImagerError
from imager.secureboot import certificates, lists, updates
from imager.secureboot.lists import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DAYS = 3650
"""The validity of certificates. Firmware does not look at it."""
_OWNER, _REMOVE = "owner.txt", "PK-remove.auth"
_KINDS = ("PK", "KEK", "db")
_MICROSOFT = {"KEK": ("ms-kek-*.pem",), "db": ("ms-uefi-*.pem", "windows-*.pem")}
_NOT_PUBLIC = "# Private keys are for nobody else.\n*.key\n"


@dataclass(frozen=True)
class Keyring:
    """The directory, and the time that updates get (seconds since 1970) unless firmware has a later one by then."""

    directory: Path
    now: int

    def make(self, name: str, microsoft: Path | None) -> None:
        """Make all keys. `name` starts their names. `microsoft` has the certificates of Microsoft to be trusted, too.

        Raises ImagerError, before anything is written, if there is any of them.
        """
        names = [*(f"{kind}.{end}" for kind in _KINDS for end in ("key", "crt", "esl", "auth")), _OWNER, _REMOVE]
        if found := [each for each in names if (self.directory / each).exists()]:
            raise ImagerError(
                f"{self.directory} has {found[0]} already, and no key is ever replaced: `add NAME` makes one more key, "
                "and another directory starts anew"
            )
        others = {kind: _of_microsoft(microsoft, kind) if microsoft else () for kind in _KINDS}
        owner = uuid4()
        made = {kind: _new_pair(f"{name} Secure Boot {kind}".strip()) for kind in _KINDS}
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._all_or_nothing(names):
            for kind, pair in made.items():
                self._save_pair(kind, pair)
            self._save(_OWNER, f"{owner}\n".encode())
            for kind in _KINDS:
                self._save_lists(kind, (*others[kind], self._entry(kind)))
            self._save(_REMOVE, updates.make("PK", b"", self._signer("PK"), self._time("PK")))
            if not (self.directory / ".gitignore").exists():
                self._save(".gitignore", _NOT_PUBLIC.encode())

    def add(self, name: str, title: str) -> None:
        """Make one more key for systems, called `name`, and add its certificate to db."""
        if name in updates.VARIABLES or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}", name):
            raise ImagerError(f"{name!r} is no name for a new key: use letters, digits, `-`, `_`, `.`, as in db-2027")
        trusted = self._read("db")
        for end in ("key", "crt"):
            if (self.directory / f"{name}.{end}").exists():
                raise ImagerError(f"{self.directory} has {name}.{end} already: choose another name")
        pair = _new_pair(f"{title} Secure Boot {name}".strip())
        with self._all_or_nothing((f"{name}.key", f"{name}.crt")):
            self._save_pair(name, pair)
            self._save_lists("db", (*trusted, self._entry(name)), added=self._entry(name))

    def revoke(self, what: str) -> None:
        """Add a certificate, or a program by its Authenticode digest, to dbx; take such a certificate out of db."""
        trusted = self._read("db")
        entry = self._revoked(what)
        left = tuple(each for each in trusted if each.data != entry.data)
        if not any(each.owner == self._owner() for each in left):
            raise ImagerError(f"{what} is the last key of yours in db: make another one before, with `add NAME`")
        refused = tuple(each for each in self._read("dbx") if each.data != entry.data)
        self._save_lists("dbx", (*refused, entry), added=entry)
        if left != trusted:
            self._save_lists("db", left)

    def _revoked(self, what: str) -> Entry:
        if re.fullmatch(r"[0-9a-fA-F]{64}", what):
            return Entry(lists.SHA256, self._owner(), bytes.fromhex(what))
        name = what.removesuffix(".crt")
        if "/" in name or not (self.directory / f"{name}.crt").is_file():
            raise ImagerError(
                f"{self.directory} has no {name}.crt: name one of its certificates, or the Authenticode SHA-256 of a "
                "system, which the log of its build shows"
            )
        return self._entry(name)

    def _entry(self, name: str) -> Entry:
        return Entry(lists.X509, self._owner(), certificates.load(self.directory / f"{name}.crt").data)

    def _owner(self) -> UUID:
        try:
            return UUID((self.directory / _OWNER).read_text().strip())
        except (OSError, ValueError):
            raise ImagerError(f"{self.directory} has no {_OWNER}: make keys there first, with `keys` alone") from None

    def _signer(self, name: str) -> updates.Signer:
        key, certificate = (self.directory / f"{updates.SIGNED_BY[name]}.{end}" for end in ("key", "crt"))
        loaded = certificates.load(certificate)
        certificates.check_key(key, loaded)
        return updates.Signer(loaded, key)

    def _time(self, name: str) -> int:
        """Return a time that is later than that of the last update: firmware takes no other."""
        last = self.directory / f"{name}.auth"
        return max(self.now, updates.read(last.read_bytes()).epoch + 1) if last.exists() else self.now

    def _read(self, name: str) -> tuple[Entry, ...]:
        place = self.directory / f"{name}.esl"
        if not place.exists():
            if name == "dbx":
                return ()
            raise ImagerError(f"{self.directory} has no {name}.esl: make keys there first, with `keys` alone")
        return lists.read(place.read_bytes())

    def _save_lists(self, name: str, entries: Iterable[Entry], added: Entry | None = None) -> None:
        content, signer, time = lists.make(entries), self._signer(name), self._time(name)
        self._save(f"{name}.esl", content)
        self._save(f"{name}.auth", updates.make(name, content, signer, time))
        if added:
            more = updates.make(name, lists.make((added,)), signer, time, append=True)
            self._save(f"{name}-add.auth", more)

    @contextmanager
    def _all_or_nothing(self, names: Iterable[str]) -> Iterator[None]:
        """Remove new files of these names if not all of them can be written: half of the keys would be in the way."""
        try:
            yield
        except BaseException:
            for name in names:
                (self.directory / name).unlink(missing_ok=True)
            raise

    def _save_pair(self, name: str, pair: tuple[bytes, bytes]) -> None:
        """Write a key that only its owner can read, and the certificate; never over anything."""
        for end, data, mode in (("key", pair[0], 0o600), ("crt", pair[1], 0o644)):
            fd = os.open(self.directory / f"{name}.{end}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            try:
                output.write_all(fd, data)
                os.fsync(fd)
            finally:
                os.close(fd)

    def _save(self, name: str, data: bytes) -> None:
        with output.writing(str(self.directory / name), self.now) as fd:
            output.write_all(fd, data)


def _new_pair(subject: str) -> tuple[bytes, bytes]:
    """Return a new private key and a certificate that it signed itself, in PEM."""
    key = tools.run(("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{certificates.BITS}"))
    fd = os.memfd_create("key")
    try:
        output.write_all(fd, key)
        more = ("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "subjectKeyIdentifier=hash")
        words = ("-config", "/dev/null", "-key", "/dev/stdin", "-subj", f"/CN={subject}", "-days", str(DAYS), *more)
        return key, tools.run(("openssl", "req", "-new", "-x509", "-sha256", *words), source=fd)
    finally:
        os.close(fd)


def _of_microsoft(directory: Path, name: str) -> tuple[Entry, ...]:
    """Return Microsoft's certificates for a variable."""
    found = sorted(place for pattern in _MICROSOFT.get(name, ()) for place in directory.glob(pattern))
    if name in _MICROSOFT and not found:
        raise ImagerError(
            f"there are no certificates of Microsoft in {directory}: use the image claylinux/imager, or --no-microsoft"
        )
    return tuple(Entry(lists.X509, lists.MICROSOFT, certificates.load(place).data) for place in found)
