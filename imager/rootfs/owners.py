"""The package of each file, from the databases of dpkg(1) and apk(8), without their programs.

Paths are relative to the system and those on its disk: if /lib is a link to /usr/lib, a file that a package lists
below /lib is below usr/lib.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs.root import LARGE
from imager.rootfs.text import pieces, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.root import Root

_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_MOST = 2_000_000
_DPKG = "var/lib/dpkg/info"
APK = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
"""The database of apk, which newer systems have below usr."""


def package_by_path(root: Root) -> dict[str, str]:
    """Return the package of every packaged file; if several packages share a directory, the last one.

    Raises ImagerError for more files than a system has.
    """
    merged = _merged(root)
    found: dict[str, str] = {}
    for path, package in chain(_dpkg(root), _apk(root)):
        found[_real(path, merged)] = package
        if len(found) > _MOST:
            raise ImagerError(f"the package databases of this system list more than {_MOST:,} files")
    return found


def _dpkg(root: Root) -> Iterator[tuple[str, str]]:
    """Yield the files in the lists of dpkg: NAME.list, or NAME:ARCHITECTURE.list."""
    for name in root.names(_DPKG):
        package = name.removesuffix(".list").partition(":")[0]
        if name.endswith(".list") and _PACKAGE.fullmatch(package):
            for line in pieces(read(root, f"{_DPKG}/{name}"), "\n"):
                if line:
                    yield line.strip("/"), package


def _apk(root: Root) -> Iterator[tuple[str, str]]:
    """Yield the files in the database of apk: blocks of `P:` package, `F:` directory, and `R:` files in it."""
    for database in APK:
        package = directory = ""
        for line in pieces(read(root, database, LARGE), "\n"):
            kind, text = line[:2], line[2:]
            if kind == "P:":
                package, directory = text if _PACKAGE.fullmatch(text) else "", ""
            elif kind == "F:":
                directory = text
            elif kind == "R:" and package:
                yield f"{directory}/{text}".strip("/"), package


def _merged(root: Root) -> dict[str, str]:
    """Return the links to directories at the top of a system: `lib` -> `usr/lib`."""
    found = {}
    for name in root.names("/"):
        if root.target(name) is not None and (real := root.real(name)) is not None:
            found[name] = real
    return found


def _real(path: str, merged: dict[str, str]) -> str:
    top, slash, rest = path.partition("/")
    return f"{merged[top]}/{rest}" if slash and top in merged else path
