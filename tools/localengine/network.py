"""The network of engines side by side: one bridge, docker0, and a range of its own for each engine.

A bridge for each would be tidier, but a dockerd with another bridge deletes docker0 when it starts, and
with it the network of an engine that the user may have.
"""

import ipaddress
import json

from localengine.host import run
from localengine.places import Places

_FIRST = "172.17.0.1/16"


def settings(places: Places) -> dict[str, object]:
    """What daemon.json says about networks."""
    bridge = ipaddress.IPv4Interface(_address() or _FIRST)
    # User-defined networks: not needed by builds, but two engines must not hand out the same ones.
    pools = [{"base": f"10.{places.network_slot}.0.0/16", "size": 24}]
    if bridge.network.prefixlen != 16:
        return {"bip": str(bridge), "default-address-pools": pools}
    ranges = list(bridge.network.subnets(new_prefix=24))
    return {"bip": str(bridge), "fixed-cidr": str(ranges[places.network_slot]), "default-address-pools": pools}


def _address() -> str:
    """The address of docker0 with its prefix length; empty when there is no docker0."""
    shown = run(["ip", "-json", "-4", "address", "show"], "the networks of this machine cannot be read")
    for link in json.loads(shown):
        if link["ifname"] == "docker0":
            for address in link["addr_info"]:
                return f"{address['local']}/{address['prefixlen']}"
    return ""
