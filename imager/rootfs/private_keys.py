"""Private keys among the files that are packed: found by their content, where mode or name make one likely.

A key that a build made is the same on every machine, and whoever has the image has it. Keys of packages are no secrets.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from imager.core import output

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imager.rootfs.root import Root
    from imager.rootfs.tree import Entry

_LARGEST = 1 << 16
_READABLE_BY_ALL = 0o004
_NAMES = (b".key", b".pem", b".priv", b".ppk", b"_key", b"privatekey", b"id_rsa", b"id_ecdsa", b"id_ed25519")
_CONTENT = re.compile(
    rb"-----BEGIN ([A-Z0-9]+ ){0,3}PRIVATE KEY-----"  # PEM, OpenSSH
    rb"|-----BEGIN PGP PRIVATE KEY BLOCK-----"
    rb"|^PuTTY-User-Key-File-"
    rb"|\A\0\0\0(\x07ssh-rsa|\x0bssh-ed25519|\x13ecdsa-sha2-nistp)"  # dropbear
    rb"|^[ \t]*PrivateKey[ \t]*=[ \t]*[A-Za-z0-9+/]{43}="  # WireGuard
    rb'|^[ \t]*secret[ \t]+"[A-Za-z0-9+/=]{20,}"',  # rndc
    re.MULTILINE,
)
_EXAMPLES = re.compile(
    rb"(^|/)(tests?|testing|testdata|fixtures|examples?|site-packages|dist-packages|node_modules|gems)/"
)
"""Where programs that no package manager of the system knows bring keys that everybody has."""


class Finder:
    """Collects the keys among the entries that pass."""

    def __init__(self) -> None:
        self.found: list[bytes] = []

    def watch(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield the entries."""
        for entry in entries:
            self.look(entry)
            yield entry

    def look(self, entry: Entry) -> None:
        """Note an entry that is a key."""
        likely = not entry.mode & _READABLE_BY_ALL or entry.path.endswith(_NAMES)
        if likely and entry.is_file and 0 < entry.size <= _LARGEST and not _EXAMPLES.search(entry.path):
            with output.reading(entry.source) as fd:
                if _CONTENT.search(os.pread(fd, _LARGEST, 0)):
                    self.found.append(entry.path)

    def unpackaged(self, root: Root, keep: Iterable[str]) -> tuple[str, ...]:
        """Return the paths of keys that neither belong to a package nor are wanted."""
        if not self.found:
            return ()
        from imager.rootfs import owners, seal

        owned = owners.package_by_path(root)
        wanted = seal.wanted(root, keep)
        return tuple(path for path in map(os.fsdecode, self.found) if path not in owned and path not in wanted)
