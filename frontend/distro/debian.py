"""Debian presets: data."""

from __future__ import annotations

from spec.presets import DISTRIBUTIONS, PresetRow

from . import networkd
from .family import Preset

_BOOT = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "kmod",
    "libpam-systemd",
    "login",
    "netbase",
    "procps",
    "systemd-resolved",
    "systemd-sysv",
    "systemd-timesyncd",
    "udev",
)
"""Packages of a system that boots to a login prompt and has a network."""
_OPTIONAL = ("linux-sysctl-defaults",)
"""Packages that other packages rely on, as a full installation has them: ping for users, protected links."""

_KERNELS = {
    "default": "linux-image-{architecture}",
    "cloud": "linux-image-cloud-{architecture}",
    "rt": "linux-image-rt-{architecture}",
}


def preset(name: str, row: PresetRow) -> Preset:
    """Return the preset that a row describes."""
    distribution = DISTRIBUTIONS[row.distribution]
    return Preset(
        name=name,
        image=row.distribution,
        release=distribution.release,
        family=distribution.family,
        packages=_BOOT,
        optional=_OPTIONAL,
        flavor=row.flavor,
        kernels=_KERNELS,
        files=dict.fromkeys(("amd64", "arm64"), networkd.FILES),
        services=networkd.SERVICES,
        volatile=networkd.VOLATILE,
        needed_by={
            "timezone": ("tzdata",),
            "locale": ("locales",),
            "keyboard": ("console-setup", "kbd"),
            "state": ("e2fsprogs", "fdisk"),
            "install": ("fdisk",),
            "state.encrypt": ("cryptsetup-bin",),
            "state.encrypt=tpm2": ("systemd-cryptsetup", "tpm2-tools"),
            "update": ("ca-certificates", "curl", "dosfstools", "fdisk", "openssl"),
        },
    )
