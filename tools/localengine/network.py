"""The network of engines side by side: one bridge, docker0, and a range of its own for each engine.

A bridge for each would be tidier, but a dockerd with another bridge deletes docker0 when it starts, and
with it the network of an engine that the user may have.
"""

import json
from ipaddress import IPv4Interface, IPv4Network
from typing import Any

from localengine.commands import run
from localengine.errors import EngineError
from localengine.places import Places

_CANDIDATES = [IPv4Network(f"172.{number}.0.0/16") for number in range(17, 32)]


def settings(places: Places) -> dict[str, object]:
    """What daemon.json says about networks."""
    bridge = _docker0() or _free_interface()
    # User-defined networks: not needed by builds, but two engines must not hand out the same ones.
    pools = [{"base": f"10.{places.network_slot}.0.0/16", "size": 24}]
    chosen: dict[str, object] = {"bip": str(bridge), "default-address-pools": pools}
    if bridge.network.prefixlen == 16:
        chosen["fixed-cidr"] = str(list(bridge.network.subnets(new_prefix=24))[places.network_slot])
    return chosen


def _docker0() -> IPv4Interface | None:
    """The address of docker0, if there is one."""
    for link in _ask("-4", "address", "show"):
        if link["ifname"] == "docker0":
            for address in link["addr_info"]:
                return IPv4Interface(f"{address['local']}/{address['prefixlen']}")
    return None


def _free_interface() -> IPv4Interface:
    """An address for docker0 in a network that this machine has no route to."""
    routes = [route["dst"] for route in _ask("-4", "route", "show", "table", "all")]
    taken = [IPv4Network(route) for route in routes if route != "default"]
    for network in _CANDIDATES:
        if not any(network.overlaps(other) for other in taken):
            return IPv4Interface((int(network.network_address) + 1, network.prefixlen))
    raise EngineError("all networks from 172.17.0.0/16 to 172.31.0.0/16 are in use: start an engine yourself")


def _ask(*words: str) -> list[dict[str, Any]]:
    shown = run(["ip", "-json", *words], "the networks of this machine cannot be read")
    answer: list[dict[str, Any]] = json.loads(shown or "[]")
    return answer
