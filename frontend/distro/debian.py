"""Debian presets: data."""

from __future__ import annotations

from spec.presets import DISTRIBUTIONS, PresetRow
from spec.presets import PRESETS as ROWS

from .family import Preset

_DISTRIBUTION = "debian"
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
_OPTIONAL = ("linux-sysctl-defaults",)
"""Packages that other packages rely on, as a full installation has them: ping for users, protected links."""

_DHCP = """\
# By Claylinux: every wired interface asks for an address.
[Match]
Type=ether

[Network]
DHCP=yes
"""
_ONLINE = """\
# By Claylinux: services that wait for the network wait for one interface, and not for ever.
[Service]
ExecStart=
ExecStart=/usr/lib/systemd/systemd-networkd-wait-online --any --timeout=20
"""
_FILES = {
    "/etc/systemd/network/80-claylinux-dhcp.network": _DHCP,
    "/etc/systemd/system/systemd-networkd-wait-online.service.d/claylinux.conf": _ONLINE,
}
_KERNELS = {
    "default": "linux-image-{architecture}",
    "cloud": "linux-image-cloud-{architecture}",
    "rt": "linux-image-rt-{architecture}",
}


def _preset(name: str, row: PresetRow) -> Preset:
    return Preset(
        name=name,
        image=row.distribution,
        release=DISTRIBUTIONS[row.distribution].release,
        family="apt",
        packages=_BOOT,
        optional=_OPTIONAL,
        flavor=row.flavor,
        kernels=_KERNELS,
        files=dict.fromkeys(("amd64", "arm64"), _FILES),
        services=dict.fromkeys(("systemd-networkd", "systemd-resolved", "systemd-timesyncd"), True),
        # systemd-resolved makes its link at boot, where there is no file.
        volatile=("/etc/resolv.conf",),
    )


PRESETS = tuple(_preset(name, row) for name, row in ROWS.items() if row.distribution == _DISTRIBUTION)
