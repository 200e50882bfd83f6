"""The network of several engines on one host: one bridge, docker0, and a separate address range for each engine.

A separate bridge for each engine would be cleaner. But a dockerd with another bridge deletes docker0 at its start, and
with it the network of the user's own engine.
"""

import json
from ipaddress import IPv4Interface, IPv4Network
from typing import Any

from localengine.commands import run
from localengine.errors import EngineError
from localengine.places import Places

_CANDIDATES = [IPv4Network(f"172.{number}.0.0/16") for number in range(17, 32)]


def settings(places: Places) -> dict[str, object]:
    """Return the network settings for daemon.json."""
    bridge = _docker0() or _free_interface()
    # Builds do not need user-defined networks, but two engines must not use the same address ranges for them.
    pools = [{"base": f"10.{places.network_slot}.0.0/16", "size": 24}]
    chosen: dict[str, object] = {"bip": str(bridge), "default-address-pools": pools}
    if bridge.network.prefixlen == 16:
        chosen["fixed-cidr"] = str(list(bridge.network.subnets(new_prefix=24))[places.network_slot])
    return chosen


def _docker0() -> IPv4Interface | None:
    """Return the address of docker0, if there is one."""
    for link in _ip("-4", "address", "show"):
        if link["ifname"] == "docker0":
            for address in link["addr_info"]:
                return IPv4Interface(f"{address['local']}/{address['prefixlen']}")
    return None


def _free_interface() -> IPv4Interface:
    """Return an address for docker0 in a network without a route on this machine."""
    routes = [route["dst"] for route in _ip("-4", "route", "show", "table", "all")]
    taken = [IPv4Network(route) for route in routes if route != "default"]
    for network in _CANDIDATES:
        if not any(network.overlaps(other) for other in taken):
            return IPv4Interface((int(network.network_address) + 1, network.prefixlen))
    raise EngineError("all networks from 172.17.0.0/16 to 172.31.0.0/16 are in use: start an engine yourself")


def _ip(*words: str) -> list[dict[str, Any]]:
    shown = run(["ip", "-json", *words], "cannot read the networks of this machine")
    answer: list[dict[str, Any]] = json.loads(shown or "[]")
    return answer
