"""What to write instead of words of netplan that `network` does not have, by the mapping."""

from __future__ import annotations

ROUTE = dict.fromkeys(("from", "scope", "type"), "routes support only `to`, `via`, `on-link`, `metric` and `table`")
_IN_FILES = "if you need it, write a configuration file of the network service with `files`"


def _setting(kind: str, section: str, line: str) -> str:
    place = f"/etc/systemd/network/10-claylinux-NAME.{kind}.d/more.conf"
    return f'with systemd-networkd, write `files: {{{place}: "[{section}]\\n{line}\\n"}}`, NAME being the interface'


_LINK_FILE = 'with systemd, write `files: {{/etc/systemd/network/10-NAME.link: "[Match]\\n{}\\n[Link]\\n{}\\n"}}`'
INTERFACE = {
    **dict.fromkeys(("gateway4", "gateway6"), "write `routes: [{to: default, via: ADDRESS}]`"),
    "set-name": "only `ethernets` have it",
    "wakeonlan": _LINK_FILE.format("OriginalName=...", "WakeOnLan=magic"),
    "dhcp4-overrides": _setting("network", "DHCPv4", "UseRoutes=no"),
    "dhcp6-overrides": _setting("network", "DHCPv6", "UseDNS=no"),
    "dhcp-identifier": _setting("network", "DHCPv4", "ClientIdentifier=mac"),
    "parameters": "only bridges and bonds have parameters",
    "openvswitch": _IN_FILES,
}
BRIDGE = {
    "path-cost": _setting("network", "Bridge", "Cost=..."),
    "port-priority": _setting("network", "Bridge", "Priority=..."),
    "multicast-snooping": _setting("netdev", "Bridge", "MulticastSnooping=no"),
}
BOND = {
    "transmit-hash": "write `transmit-hash-policy`",
    "miimon": "write `mii-monitor-interval`",
    "up-delay": _setting("netdev", "Bond", "UpDelaySec=..."),
    "down-delay": _setting("netdev", "Bond", "DownDelaySec=..."),
    "min-links": _setting("netdev", "Bond", "MinLinks=..."),
}
NETWORK = {
    "renderer": "remove it: the system uses its own network service",
    **dict.fromkeys(
        ("dummy-devices", "modems", "tunnels", "virtual-ethernets", "vrfs", "wifis"),
        f"`network` supports only `ethernets`, `bonds`, `bridges` and `vlans`; {_IN_FILES}",
    ),
}
