"""The lists of a kernel's modules, as depmod(8) writes them.

Debian builds depmod without zlib, so it ignores modules that end with .ko.gz, as Alpine has them. Therefore depmod gets
an unpacked copy of these under names that end with .ko.xz; it detects the compression from the content. Both endings
have the same length, so they can be exchanged in the lists, including the binary index.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from imager.core import tools
from imager.core.errors import ImagerError
from imager.kernel import modfile
from imager.rootfs import removal

_GZ, _XZ = ".ko.gz", ".ko.xz"
_WITH_PATHS = ("modules.dep", "modules.dep.bin")


def run(directory: Path, version: str, scratch: Path, epoch: int) -> None:
    """Rewrite the lists of a kernel's modules (depmod(8)), wherever the system has their directory."""
    base = scratch / "lib/modules"
    base.mkdir(parents=True, exist_ok=True)
    link = base / version
    packed = tuple(sorted(directory.rglob(f"*{_GZ}")))
    try:
        (scratch / "usr").symlink_to(".")
        if packed:
            _unpack(directory, packed, link)
        else:
            link.symlink_to(directory)
        tools.run(("depmod", "--basedir", str(scratch), version))
        if packed:
            _take_lists(link, directory)
    finally:
        if packed:
            shutil.rmtree(link, ignore_errors=True)
        else:
            link.unlink(missing_ok=True)
        (scratch / "usr").unlink(missing_ok=True)
        for place in (base, base.parent, scratch):
            place.rmdir()
    for place in directory.glob("modules.*"):
        removal.set_time(place, epoch)
    removal.set_time(directory, epoch)
    if not (directory / "modules.dep").is_file():
        raise ImagerError(f"depmod made no modules.dep for the kernel {version}")


def _unpack(directory: Path, packed: tuple[Path, ...], to: Path) -> None:
    """Create a directory of modules that depmod can read."""
    to.mkdir()
    for place in packed:
        copy = to / f"{str(place.relative_to(directory)).removesuffix(_GZ)}{_XZ}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(modfile.read(place))
    for place in sorted(directory.rglob("*.ko")):
        copy = to / place.relative_to(directory)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.symlink_to(place)
    for place in directory.glob("modules.*"):
        if not place.name.startswith(_WITH_PATHS):
            # The names in modules.order are the ones from the build of the kernel.
            (to / place.name).write_bytes(place.read_bytes().replace(b".ko.gz\n", b".ko\n"))


def _take_lists(made: Path, directory: Path) -> None:
    for place in made.glob("modules.*"):
        data = place.read_bytes()
        if place.name == "modules.order":
            continue
        if place.name in _WITH_PATHS:
            data = data.replace(_XZ.encode(), _GZ.encode())
        (directory / place.name).write_bytes(data)
