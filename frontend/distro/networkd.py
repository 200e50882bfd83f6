"""The network of presets with systemd: every wired interface asks for an address. Data."""

from __future__ import annotations

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
FILES = {
    "/etc/systemd/network/80-claylinux-dhcp.network": _DHCP,
    "/etc/systemd/system/systemd-networkd-wait-online.service.d/claylinux.conf": _ONLINE,
}
SERVICES = dict.fromkeys(("systemd-networkd", "systemd-resolved", "systemd-timesyncd"), True)
VOLATILE = ("/etc/resolv.conf",)
"""systemd-resolved makes its link at boot, where there is no file."""
