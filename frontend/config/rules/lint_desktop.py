"""The rule DesktopDrivers: packages that draw on a screen, and kernel modules of a machine that has none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from spec.base import PresetBase
from spec.document import Spec
from spec.kernel import Purpose
from spec.positions import Range
from spec.presets import PRESETS
from spec.values.wording import code
from spec.values.words import package_name

_SERVER = "server"
_DRAWS = re.compile(
    r"""
    task-.*desktop | .*-desktop-environment | kde-(full|plasma-desktop|standard) | xfce4 | lxde | lxqt(-core)?
    | gnome(-core|-session|-shell)? | cinnamon(-core)? | budgie-desktop | plasma-desktop
    | gdm3 | lightdm | sddm | greetd | nodm
    | xorg | xserver-xorg(-core|-video-.*)? | cage | hyprland | labwc | sway | wayfire | weston
    """,
    re.VERBOSE,
)
"""Desktops, display managers, and servers of X and Wayland. Not what draws on the screen of another machine."""


def desktop_drivers(spec: Spec) -> Iterator[tuple[Range, str]]:
    """Yield the place of the first package that needs drivers which the set `server` leaves out, and a message."""
    kernel, base = spec.kernel, spec.base
    if not isinstance(base, PresetBase) or kernel.modules.include:
        return
    kept = {each.purpose if isinstance(each, Purpose) else "" for each in kernel.for_} or {PRESETS[base.preset].purpose}
    if kept != {_SERVER}:
        return
    for index, package in enumerate(spec.packages):
        if _DRAWS.fullmatch(package_name(package)):
            yield (
                spec.positions.of("packages", index),
                f"{code(package)} draws on a screen, and the kernel modules are those of servers, without graphics and "
                "sound: write `kernel: {for: desktop}`",
            )
            return
