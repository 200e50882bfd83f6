"""Debian presets: data."""

from __future__ import annotations

from spec.presets import DISTRIBUTIONS, PresetRow

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
        files=dict.fromkeys(("amd64", "arm64"), _FILES),
        services=dict.fromkeys(("systemd-networkd", "systemd-resolved", "systemd-timesyncd"), True),
        # systemd-resolved creates its link at boot, if there is no file.
        volatile=("/etc/resolv.conf",),
    )
