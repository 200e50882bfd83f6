"""Interfaces for systemd-networkd and for ifupdown: which of the two, and what it is told."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from frontend.distro.networkd import FILES as PRESET_FILES
from imager.core.errors import ImagerError
from imager.customize import ifupdown, network, networkd
from imager.requests.network import Network
from spec.network import (
    AnyInterface,
    Bond,
    BondParameters,
    Bridge,
    BridgeParameters,
    Ethernet,
    Match,
    Nameservers,
    Route,
    RoutingRule,
    Vlan,
)
from tests.support.imager import EPOCH

LAN = Ethernet(
    match=Match(name="en*", macaddress="52:54:00:12:34:56"),
    addresses=("10.0.0.5/24", "2001:db8::5/64"),
    routes=(Route(to="default", via="10.0.0.1"), Route(to="10.9.0.0/16", via="10.0.0.2", metric=5)),
    nameservers=Nameservers(addresses=("9.9.9.9",), search=("a.example", "b.example")),
    mtu=1400,
)
ETH1 = Ethernet(dhcp4=True, dhcp6=True, optional=True)
BRIDGE = Bridge(interfaces=("eth1",), dhcp4=True)
VLAN = Vlan(id=7, link="lan", nameservers=Nameservers(addresses=("10.0.0.3",)))
WAN = Ethernet(
    routes=(Route(to="default", via="10.0.0.1", table=7),),
    routing_policy=(RoutingRule(from_="10.0.0.0/24", table=7, priority=70), RoutingRule(to="2001:db8::/32", table=7)),
    link_local=(),
    accept_ra=False,
    macaddress="02:00:00:00:00:01",
)
BOND = Bond(
    interfaces=("wan",),
    link_local=("ipv6",),
    accept_ra=True,
    parameters=BondParameters(
        mode="802.3ad", mii_monitor_interval=0, lacp_rate="fast", transmit_hash_policy="layer3+4"
    ),
)
FULL_BRIDGE = Bridge(
    parameters=BridgeParameters(stp=False, forward_delay=0, hello_time=1, max_age=6, ageing_time=60, priority=100)
)
RESOLVER = "printf '%s\\n' 'nameserver 9.9.9.9' 'nameserver 10.0.0.3' 'search a.example b.example' > /etc/resolv.conf"
HEAD = "# By Claylinux, from the key `network`.\n"


def make(system: Path, interface: AnyInterface = Ethernet(dhcp4=True)) -> None:  # noqa: B008 - a frozen value
    network.run(Network(system=str(system), interface={"eth0": interface}, epoch=EPOCH))


def touch(system: Path, *paths: str) -> None:
    for path in paths:
        (system / path).parent.mkdir(parents=True, exist_ok=True)
        (system / path).touch()


NETWORKD = ("usr/bin/systemctl", "usr/lib/systemd/systemd-networkd")
WANTS = "etc/systemd/system/multi-user.target.wants/systemd-networkd.service"


def test_networkd() -> None:
    files = networkd.files({"lan": LAN, "eth1": ETH1, "br0": BRIDGE, "v7": VLAN})
    folder = "etc/systemd/network/10-claylinux-"
    assert files[f"{folder}lan.network"] == HEAD + (
        "[Match]\nPermanentMACAddress=52:54:00:12:34:56\nName=en*\n\n"
        "[Link]\nMTUBytes=1400\n\n"
        "[Network]\nDHCP=no\nAddress=10.0.0.5/24\nAddress=2001:db8::5/64\nDNS=9.9.9.9\nDomains=a.example b.example\n"
        "VLAN=v7\n\n"
        "[Route]\nGateway=10.0.0.1\n\n"
        "[Route]\nDestination=10.9.0.0/16\nGateway=10.0.0.2\nMetric=5\n"
    )
    assert files[f"{folder}eth1.network"] == HEAD + (
        "[Match]\nName=eth1\n\n[Link]\nRequiredForOnline=no\n\n[Network]\nDHCP=yes\nBridge=br0\n"
    )
    assert files[f"{folder}br0.netdev"] == HEAD + "[NetDev]\nName=br0\nKind=bridge\n"
    assert files[f"{folder}v7.netdev"] == HEAD + "[NetDev]\nName=v7\nKind=vlan\n\n[VLAN]\nId=7\n"
    assert "DHCP=ipv4" in files[f"{folder}br0.network"]


def test_networkd_has_a_word_for_every_setting() -> None:
    renamed = replace(WAN, match=Match(macaddress="02:00:00:00:00:02", name="e*"), set_name="wan0")
    files = networkd.files({"wan": renamed, "bond0": BOND, "br0": FULL_BRIDGE})
    folder = "etc/systemd/network/10-claylinux-"
    assert files[f"{folder}wan.link"] == HEAD + "[Match]\nPermanentMACAddress=02:00:00:00:00:02\n\n[Link]\nName=wan0\n"
    assert files[f"{folder}wan.network"] == HEAD + (
        "[Match]\nPermanentMACAddress=02:00:00:00:00:02\nName=wan0\n\n"
        "[Link]\nMACAddress=02:00:00:00:00:01\n\n"
        "[Network]\nDHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nBond=bond0\n\n"
        "[Route]\nGateway=10.0.0.1\nTable=7\n\n"
        "[RoutingPolicyRule]\nFrom=10.0.0.0/24\nTable=7\nPriority=70\n\n"
        "[RoutingPolicyRule]\nTo=2001:db8::/32\nTable=7\n"
    )
    assert files[f"{folder}bond0.netdev"] == HEAD + (
        "[NetDev]\nName=bond0\nKind=bond\n\n"
        "[Bond]\nMode=802.3ad\nMIIMonitorSec=0ms\nLACPTransmitRate=fast\nTransmitHashPolicy=layer3+4\n"
    )
    assert "[Network]\nDHCP=no\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=yes\n" in files[f"{folder}bond0.network"]
    assert files[f"{folder}br0.netdev"].endswith(
        "[Bridge]\nSTP=no\nForwardDelaySec=0\nHelloTimeSec=1\nMaxAgeSec=6\nAgeingTimeSec=60\nPriority=100\n"
    )


def test_ifupdown_has_a_command_for_every_setting() -> None:
    (text,) = ifupdown.files({"br0": FULL_BRIDGE, "bond0": BOND, "wan": WAN}).values()
    stanzas = {part.split()[1]: [line.strip() for line in part.splitlines()[2:]] for part in text.split("\n\n")[1:]}
    assert list(stanzas) == ["wan", "bond0", "br0"]
    ipv6 = "/proc/sys/net/ipv6/conf"
    assert stanzas["wan"] == [
        "pre-up ip link set dev wan address 02:00:00:00:00:01",
        f"pre-up [ ! -e {ipv6}/wan/accept_ra ] || echo 0 > {ipv6}/wan/accept_ra",
        f"pre-up [ ! -e {ipv6}/wan/addr_gen_mode ] || echo 1 > {ipv6}/wan/addr_gen_mode",
        "up ip link set dev wan up",
        "up ip route add default via 10.0.0.1 dev wan table 7",
        "up ip rule add from 10.0.0.0/24 table 7 priority 70",
        "up ip -6 rule add to 2001:db8::/32 table 7",
        "down ip rule del from 10.0.0.0/24 table 7 priority 70",
        "down ip -6 rule del to 2001:db8::/32 table 7",
        "down ip addr flush dev wan",
        "down ip link set dev wan down",
    ]
    assert stanzas["bond0"][:11] == [
        "pre-up modprobe -q bonding max_bonds=0 || :",
        "pre-up ip link add name bond0 type bond",
        "pre-up echo 802.3ad > /sys/class/net/bond0/bonding/mode",
        "pre-up echo 0 > /sys/class/net/bond0/bonding/miimon",
        "pre-up echo fast > /sys/class/net/bond0/bonding/lacp_rate",
        "pre-up echo layer3+4 > /sys/class/net/bond0/bonding/xmit_hash_policy",
        "pre-up ip link set dev wan down",
        "pre-up ip link set dev wan master bond0",
        f"pre-up [ ! -e {ipv6}/bond0/accept_ra ] || echo 1 > {ipv6}/bond0/accept_ra",
        f"pre-up [ ! -e {ipv6}/bond0/addr_gen_mode ] || echo 0 > {ipv6}/bond0/addr_gen_mode",
        "up ip link set dev bond0 up",
    ]
    assert stanzas["br0"][:7] == [
        "pre-up ip link add name br0 type bridge",
        "pre-up echo 0 > /sys/class/net/br0/bridge/stp_state",
        "pre-up echo 100 > /sys/class/net/br0/bridge/priority",
        "pre-up echo 0 > /sys/class/net/br0/bridge/forward_delay",
        "pre-up echo 100 > /sys/class/net/br0/bridge/hello_time",
        "pre-up echo 600 > /sys/class/net/br0/bridge/max_age",
        "pre-up echo 6000 > /sys/class/net/br0/bridge/ageing_time",
    ]


def test_the_boot_waits_for_what_is_not_optional() -> None:
    assert "wait-online --timeout=60" in networkd.files({"lan": LAN, "eth1": ETH1})[networkd.REPLACED[1]]
    assert "ExecStart=/usr/bin/true\n" in networkd.files({"eth1": ETH1})[networkd.REPLACED[1]]


def test_ifupdown() -> None:
    lan = replace(LAN, match=None)
    (text,) = ifupdown.files({"br0": BRIDGE, "lan": lan, "eth1": ETH1, "v7": VLAN}).values()
    assert text.splitlines() == [
        "# By Claylinux, from the key `network`.",
        "auto lo",
        "iface lo inet loopback",
        "",
        "auto lan",
        "iface lan inet manual",
        "\tup ip link set dev lan mtu 1400",
        "\tup ip link set dev lan up",
        "\tup ip addr add 10.0.0.5/24 dev lan",
        "\tup ip -6 addr add 2001:db8::5/64 dev lan",
        "\tup ip route add default via 10.0.0.1 dev lan",
        "\tup ip route add 10.9.0.0/16 via 10.0.0.2 dev lan metric 5",
        f"\tup {RESOLVER}",
        "\tdown ip addr flush dev lan",
        "\tdown ip link set dev lan down",
        "",
        "auto eth1",
        "iface eth1 inet dhcp",
        "\tup ip link set dev eth1 up",
        "\tup if command -v udhcpc6 >/dev/null; then udhcpc6 -b -S -R -p /run/udhcpc6.eth1.pid -i eth1; "
        "else dhclient -6 -nw eth1; fi",
        "\tdown ip addr flush dev eth1",
        "\tdown ip link set dev eth1 down",
        "",
        "auto br0",
        "iface br0 inet dhcp",
        "\tpre-up ip link add name br0 type bridge",
        "\tpre-up ip link set dev eth1 master br0",
        "\tpre-up ip link set dev eth1 up",
        "\tup ip link set dev br0 up",
        "\tdown ip addr flush dev br0",
        "\tdown ip link set dev br0 down",
        "\tpost-down ip link del dev br0",
        "",
        "auto v7",
        "iface v7 inet manual",
        "\tpre-up ip link set dev lan up",
        "\tpre-up ip link add link lan name v7 type vlan id 7",
        "\tup ip link set dev v7 up",
        f"\tup {RESOLVER}",
        "\tdown ip addr flush dev v7",
        "\tdown ip link set dev v7 down",
        "\tpost-down ip link del dev v7",
    ]


def test_ifupdown_makes_first_what_others_are_made_of() -> None:
    """`ifup -a` goes through the file from top to bottom, and a bridge can be made of VLANs that are on a bridge."""
    made: dict[str, AnyInterface] = {
        "br0": Bridge(interfaces=("v7", "eth0")),
        "br1": Bridge(interfaces=("eth1",)),
        "eth0": Ethernet(),
        "eth1": Ethernet(),
        "v7": Vlan(id=7, link="v8"),
        "v8": Vlan(id=8, link="br1"),
        "v9": Vlan(id=9, link="of-somebody-else"),
    }
    for interfaces in (made, dict(reversed(made.items()))):
        (text,) = ifupdown.files(interfaces).values()
        order = re.findall(r"^auto (\S+)", text, re.MULTILINE)[1:]
        assert sorted(order) == list(made)
        for first, then in [("v7", "br0"), ("eth0", "br0"), ("v8", "v7"), ("br1", "v8"), ("eth1", "br1")]:
            assert order.index(first) < order.index(then), (first, then)


@pytest.mark.parametrize(
    ("there", "networkd_is_told"),
    [
        (NETWORKD, True),
        ((*NETWORKD, "sbin/ifup"), False),
        ((*NETWORKD, "sbin/ifup", WANTS), True),
        ((*NETWORKD, "usr/sbin/NetworkManager", WANTS), True),
        (("sbin/ifup",), False),
    ],
)
def test_the_system_decides(tmp_path: Path, there: tuple[str, ...], networkd_is_told: bool) -> None:
    touch(tmp_path, *there)
    make(tmp_path)
    assert (tmp_path / "etc/systemd/network/10-claylinux-eth0.network").exists() == networkd_is_told
    assert (tmp_path / "etc/network/interfaces").exists() != networkd_is_told


def test_what_a_preset_wrote_gives_way(tmp_path: Path) -> None:
    preset = [path.lstrip("/") for path in PRESET_FILES]
    assert set(networkd.REPLACED) == set(preset)
    touch(tmp_path, *NETWORKD, *preset)
    make(tmp_path)
    assert not (tmp_path / networkd.REPLACED[0]).exists()
    assert "timeout=60" in (tmp_path / networkd.REPLACED[1]).read_text()


def test_without_resolved_name_servers_are_written(tmp_path: Path) -> None:
    touch(tmp_path, *NETWORKD)
    interface = Ethernet(nameservers=Nameservers(addresses=("9.9.9.9",)))
    make(tmp_path, interface)
    assert (tmp_path / "etc/resolv.conf").read_text() == "nameserver 9.9.9.9\n"
    (tmp_path / "etc/resolv.conf").unlink()
    touch(tmp_path, "usr/lib/systemd/systemd-resolved")
    make(tmp_path, interface)
    assert not (tmp_path / "etc/resolv.conf").exists()


@pytest.mark.parametrize(
    ("there", "message"),
    [
        ((), "network: this system has neither systemd-networkd nor ifupdown: add one to packages"),
        ((*NETWORKD, "usr/sbin/NetworkManager"), "network: this system has NetworkManager, which would interfere"),
        (("sbin/ifup",), "network: eth0: ifupdown knows interfaces by their names only: remove `match`"),
    ],
)
def test_what_cannot_be_done_is_told(tmp_path: Path, there: tuple[str, ...], message: str) -> None:
    touch(tmp_path, *there)
    with pytest.raises(ImagerError) as caught:
        make(tmp_path, Ethernet(match=Match(name="e*")))
    assert message in str(caught.value)


def test_a_gateway_outside_of_the_networks_of_the_interface() -> None:
    wan = Ethernet(addresses=("192.0.2.10/32",), routes=(Route(to="default", via="10.0.0.1", on_link=True),))
    assert (
        "Gateway=10.0.0.1\nGatewayOnLink=yes\n"
        in networkd.files({"wan": wan})["etc/systemd/network/10-claylinux-wan.network"]
    )
    (text,) = ifupdown.files({"wan": wan}).values()
    assert "route add default via 10.0.0.1 dev wan onlink" in text
