"""The package of each file, from the databases of dpkg(1) and apk(8), without their programs.

Paths are relative to the system and those on its disk: if /lib is a link to /usr/lib, a file that a package lists
below /lib is below usr/lib.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imager.rootfs.root import LARGE
from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.root import Root

_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_DPKG = "var/lib/dpkg/info"
APK = ("lib/apk/db/installed", "usr/lib/apk/db/installed")
"""The database of apk, which newer systems have below usr."""


def package_by_path(root: Root) -> dict[str, str]:
    """Return the package of every packaged file; if several packages share a directory, the last one."""
    merged = _merged(root)
    return {_real(path, merged): package for path, package in (*_dpkg(root), *_apk(root))}


def _dpkg(root: Root) -> Iterator[tuple[str, str]]:
    """Yield the files in the lists of dpkg: NAME.list, or NAME:ARCHITECTURE.list."""
    for name in root.names(_DPKG):
        package = name.removesuffix(".list").partition(":")[0]
        if name.endswith(".list") and _PACKAGE.fullmatch(package):
            for line in lines(read(root, f"{_DPKG}/{name}", LARGE)):
                yield line.strip("/"), package


def _apk(root: Root) -> Iterator[tuple[str, str]]:
    """Yield the files in the database of apk: blocks of `P:` package, `F:` directory, and `R:` files in it."""
    for database in APK:
        package = directory = ""
        for line in lines(read(root, database, LARGE)):
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
