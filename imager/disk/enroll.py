"""The medium that enrolls keys: systemd-boot, which writes to firmware what somebody at the machine chooses.

systemd-boot shows the keys only in setup mode, and gives 15 seconds to think again where a machine could be bricked. It
says nothing when there is nothing to choose, and the first entry of a menu is the one that a stray Enter takes. Both is
mended by an entry of ours: it says what to do, comes first, and only shows the menu again.

The medium has no signature: with Secure Boot on, firmware does not start it. So after the keys are enrolled, firmware
goes on to the next disk.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import terminal
from imager.disk import esp, iso, raw, versions
from imager.secureboot import enrollment
from imager.uki import layout

if TYPE_CHECKING:
    from imager.requests.secureboot import Enroll

_SETTINGS = b"""\
timeout menu-force
secure-boot-enroll manual
auto-entries no
auto-reboot yes
auto-poweroff yes
editor no
"""
_AGAIN = "loader/again.efi"
"""The same program once more: it shows no entry that names the file it was started from, so each names the other."""
_ADVICE = "No keys below? Choose setup mode in the firmware first"


def run(request: Enroll) -> None:
    """Write the ISO."""
    label = iso.volume_label(request.label)
    updates = enrollment.load(Path(request.keys))
    program = f"/{esp.program_path(request.architecture)}"
    files = {
        "loader/loader.conf": _SETTINGS,
        "loader/entries/first.conf": f"title {_ADVICE}\nefi /{_AGAIN}\n".encode(),
        "loader/entries/again.conf": f"title {_ADVICE}\nefi {program}\n".encode(),
        _AGAIN: Path(request.loader).read_bytes(),
        **{f"loader/keys/{request.name}/{name}.auth": update.data for name, update in updates.items()},
    }
    loader = layout.load(request.loader)
    with raw.lay_out(versions.identified(loader, files), "ENROLL", request.epoch, files) as medium:
        iso.write(request, medium, label)
    terminal.tell(f"enrolls {', '.join(updates)} in setup mode, after asking")
