"""The programs of `imager/guest`, which run in the machine: which keys put them there, and what they call.

All parts come together, whichever key is the first that needs one: the command `claylinux` reads all of them. What
differs between machines is in files of settings beside them, one for each key.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs.installed import has_program
from imager.rootfs.text import write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.rootfs.root import Root

PLACE = "usr/lib/claylinux"
_GUEST = Path(__file__).parents[1] / "guest"
_COMMAND = "claylinux"


def need_programs(root: Root, key: str, programs: Mapping[str, str]) -> None:
    """Raise ImagerError if the system lacks one of `programs`, which come with the packages that the mapping names."""
    for program, package in programs.items():
        if not has_program(root, program):
            raise ImagerError(f"{key}: it needs {program} in the system: add {package} to `packages`")


def install(root: Root, epoch: int) -> None:
    """Write the command and its parts."""
    for file in sorted(_GUEST.iterdir()):
        if not file.name.startswith("."):
            place = "usr/bin" if file.name == _COMMAND else PLACE
            mode = 0o644 if file.suffix else 0o755
            write(root, f"{place}/{file.name}", file.read_text(encoding="utf-8"), epoch, mode)


def write_settings(root: Root, key: str, comment: str, settings: Mapping[str, str], epoch: int) -> None:
    """Write the settings of a key as assignments of the shell, with a line of comment."""
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in settings.items())
    write(root, f"{PLACE}/{key}.conf", "".join((f"# {comment}\n", *lines)), epoch)
