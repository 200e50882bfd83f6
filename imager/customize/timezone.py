"""The time zone of a system: /etc/localtime, which C libraries read, and /etc/timezone, which others read."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs.root import Root
from imager.rootfs.text import write
from imager.rootfs.writing import make_link, remove
from spec.region import PLAIN_ZONES

if TYPE_CHECKING:
    from imager.requests.region import TimeZone

_ZONES = "/usr/share/zoneinfo"
_MAGIC = b"TZif"
"""How a file of tzfile(5) starts."""
_OTHER_FORMS = ("posix/", "right/")
"""The same zones again, without and with leap seconds."""


def run(request: TimeZone) -> None:
    """Set the time zone. Raises ImagerError if the system does not have it."""
    root, zone = Root(Path(request.system)), request.zone
    if _is_zone(root, zone):
        make_link(root, "/etc/localtime", f"{_ZONES}/{zone}", epoch=request.epoch)
    elif zone in PLAIN_ZONES:
        remove(root, "/etc/localtime")
    else:
        raise ImagerError(f"timezone: the system has no time zone {zone}: {_hint(root, zone)}")
    write(root, "/etc/timezone", f"{zone}\n", request.epoch)


def _is_zone(root: Root, zone: str) -> bool:
    return root.head(f"{_ZONES}/{zone}", len(_MAGIC)) == _MAGIC


def _hint(root: Root, zone: str) -> str:
    known = [name for name, _ in root.walk(_ZONES) if not name.startswith(_OTHER_FORMS) and _is_zone(root, name)]
    if not known:
        return "add tzdata to `packages`"
    # People know the city, and leave out the continent.
    city = zone.rpartition("/")[2].lower()
    near = [name for name in known if name.rpartition("/")[2].lower() == city] or get_close_matches(zone, known, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return "the names are those of /usr/share/zoneinfo; on Debian, old ones are in the package tzdata-legacy"
