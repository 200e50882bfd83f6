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
"""A system that boots to a login prompt with a network."""

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
        flavor=row.flavor,
        kernels=_KERNELS,
        files=dict.fromkeys(("amd64", "arm64"), networkd.FILES),
        services=networkd.SERVICES,
        volatile=networkd.VOLATILE,
    )
