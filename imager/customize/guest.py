"""The programs of `imager/guest`, which run in the machine: which keys put them there, and what they call.

All parts come together, whichever key is the first that needs one: the command `claylinux` reads all of them. What
differs between machines is in files of settings beside them, one for each key.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imager.core.errors import ImagerError
from imager.rootfs import initsystem
from imager.rootfs.installed import has_program
from imager.rootfs.text import write
from imager.rootfs.writing import make_link

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.rootfs.root import Root

PLACE = "usr/lib/claylinux"
_UNITS = "usr/lib/systemd/system"
_GUEST = Path(__file__).parents[1] / "guest"
_COMMAND = "claylinux"


class Service(NamedTuple):
    """A service in `imager/guest/units`, and where it starts: the target of systemd, the runlevel of OpenRC."""

    name: str
    target: str
    runlevel: str


def need_programs(root: Root, key: str, programs: Mapping[str, str]) -> None:
    """Raise ImagerError if the system lacks one of `programs`, which come with the packages that the mapping names."""
    for program, package in programs.items():
        if not has_program(root, program):
            raise ImagerError(f"{key}: it needs {program} in the system: add {package} to `packages`")


def install(root: Root, epoch: int, *, room: str = "") -> None:
    """Write the command and its parts, and with `room` those of that directory, which few keys need."""
    for file in (*sorted(_GUEST.iterdir()), *(sorted((_GUEST / room).iterdir()) if room else ())):
        if file.is_file() and not file.name.startswith("."):
            name = file.relative_to(_GUEST).as_posix()
            place = "usr/bin" if name == _COMMAND else PLACE
            mode = 0o644 if file.suffix else 0o755
            write(root, f"{place}/{name}", file.read_text(encoding="utf-8"), epoch, mode)


def start_service(root: Root, init: str, service: Service, epoch: int) -> None:
    """Write a service of ours for the init system `init`, which starts it at boot."""
    systemd = init == initsystem.SYSTEMD
    text = (_GUEST / "units" / f"{service.name}.{'service' if systemd else 'openrc'}").read_text(encoding="utf-8")
    if systemd:
        unit = f"{service.name}.service"
        write(root, f"{_UNITS}/{unit}", text, epoch)
        make_link(root, f"/{_UNITS}/{service.target}.wants/{unit}", f"../{unit}", epoch=epoch)
    else:
        write(root, f"etc/init.d/{service.name}", text, epoch, 0o755)
        make_link(root, f"/etc/runlevels/{service.runlevel}/{service.name}", f"/etc/init.d/{service.name}", epoch=epoch)


def write_settings(root: Root, key: str, comment: str, settings: Mapping[str, str], epoch: int) -> None:
    """Write the settings of a key as assignments of the shell, with a line of comment."""
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in settings.items())
    write(root, f"{PLACE}/{key}.conf", "".join((f"# {comment}\n", *lines)), epoch)
