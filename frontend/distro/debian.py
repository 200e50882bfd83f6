"""Debian releases: data."""

from __future__ import annotations

from .family import Release

_STABLE = "debian:trixie"

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
_SERVICES = ("systemd-networkd", "systemd-resolved", "systemd-timesyncd")


RELEASES = (
    Release(
        preset="debian",
        image=_STABLE,
        family="apt",
        packages=_BOOT,
        kernels={"amd64": "linux-image-amd64", "arm64": "linux-image-arm64"},
        files=_FILES,
        services=_SERVICES,
    ),
    Release(
        preset="debian-cloud",
        image=_STABLE,
        family="apt",
        packages=_BOOT,
        kernels={"amd64": "linux-image-cloud-amd64", "arm64": "linux-image-cloud-arm64"},
        files=_FILES,
        services=_SERVICES,
    ),
)
