"""The lists of a kernel's modules, as depmod(8) writes them.

depmod sees a directory of links to the module files that the imager found, and copies of the other lists: it would
follow every link of the system on the builder. The lists that it makes are put into the system afterwards.

Debian builds depmod without zlib, so it ignores modules that end with .ko.gz, as Alpine has them. Therefore it gets
an unpacked copy of these under names that end with .ko.xz; it detects the compression from the content. Both endings
have the same length, so they can be exchanged in the lists, including the binary index.
"""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import tools
from imager.core.errors import ImagerError
from imager.kernel import modfile
from imager.rootfs.root import LARGE
from imager.rootfs.writing import set_time, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.root import Root

_GZ, _XZ = ".ko.gz", ".ko.xz"
_ENDINGS = (".ko", _GZ, _XZ, ".ko.zst")
_SOURCES = ("build", "source")
"""Links to the sources of the kernel, which depmod leaves alone."""
_WITH_PATHS = ("modules.dep", "modules.dep.bin")
_MEMORY = 2 << 30
"""The most that depmod may use, in bytes: it unpacks modules as a whole, however large they become."""


def run(root: Root, directory: str, version: str, scratch: Path, epoch: int) -> None:
    """Rewrite the lists of a kernel's modules (depmod(8)) in their `directory` of the system."""
    made = scratch / "lib/modules" / version
    try:
        made.mkdir(parents=True)
        (scratch / "usr").symlink_to(".")
        packed = _show(root, directory, made)
        tools.run(("depmod", "--basedir", str(scratch), version), memory=_MEMORY)
        for place in sorted(made.glob("modules.*")):
            data = place.read_bytes()
            if packed and place.name in _WITH_PATHS:
                data = data.replace(_XZ.encode(), _GZ.encode())
            _take(root, f"{directory}/{place.name}", data, epoch)
    finally:
        shutil.rmtree(scratch)
    set_time(root, directory, epoch)
    if root.file(f"{directory}/modules.dep") is None:
        raise ImagerError(f"depmod made no modules.dep for the kernel {version}")


def _show(root: Root, directory: str, to: Path) -> bool:
    """Fill the directory that depmod sees; return whether modules had to be unpacked for it."""
    any_packed = False
    for path, place in _files(root, directory):
        if path.endswith(_ENDINGS):
            packed = path.endswith(_GZ)
            shown = to / (path.removesuffix(_GZ) + _XZ if packed else path)
            shown.parent.mkdir(parents=True, exist_ok=True)
            if packed:
                shown.write_bytes(modfile.read(root, f"{directory}/{path}"))
                any_packed = True
            else:
                shown.symlink_to(place)
        elif "/" not in path and path.startswith("modules.") and path not in _WITH_PATHS:
            # The names in modules.order are the ones from the build of the kernel.
            (to / path).write_bytes((root.read(f"{directory}/{path}", LARGE) or b"").replace(b".ko.gz\n", b".ko\n"))
    return any_packed


def _files(root: Root, directory: str) -> Iterator[tuple[str, Path]]:
    """Yield the regular files below a directory of the system, also those behind its links, with their places."""
    pending, seen = [""], set()
    while pending:
        above = pending.pop()
        real = root.real(f"{directory}/{above}")
        if real is None or real in seen:
            continue
        seen.add(real)
        for path, status in root.walk(real):
            if stat.S_ISREG(status.st_mode):
                yield f"{above}{path}", root.path / real / path
            elif stat.S_ISLNK(status.st_mode) and path not in _SOURCES:
                if (place := root.file(f"{real}/{path}")) is not None:
                    yield f"{above}{path}", place
                else:
                    pending.append(f"{above}{path}/")


def _take(root: Root, path: str, data: bytes, epoch: int) -> None:
    """Put a list into the system if depmod made it or changed it, and date it."""
    if not path.endswith("/modules.order") and data != root.read(path, LARGE):
        write_file(root, path, data, epoch=epoch)
    set_time(root, path, epoch)
