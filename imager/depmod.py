"""The lists of a kernel's modules, as depmod(8) writes them."""

from __future__ import annotations

from pathlib import Path

from imager import removal, tools
from imager.errors import ImagerError


def run(folder: Path, version: str, scratch: Path, epoch: int) -> None:
    """Write the lists of a kernel's modules anew (depmod(8)), wherever the system has its folder."""
    base = scratch / "lib/modules"
    base.mkdir(parents=True, exist_ok=True)
    link = base / version
    try:
        (scratch / "usr").symlink_to(".")
        link.symlink_to(folder)
        tools.run(("depmod", "--basedir", str(scratch), version))
    finally:
        link.unlink(missing_ok=True)
        (scratch / "usr").unlink(missing_ok=True)
        for place in (base, base.parent, scratch):
            place.rmdir()
    for place in folder.glob("modules.*"):
        removal.date(place, epoch)
    removal.date(folder, epoch)
    if not (folder / "modules.dep").is_file():
        raise ImagerError(f"depmod made no list of the modules of the kernel {version}")
