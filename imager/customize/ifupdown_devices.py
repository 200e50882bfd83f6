"""Interfaces that are no hardware, made by commands that ifupdown runs: VLANs, bridges and bonds.

The kernel's own files say more than `ip` of busybox, and are the same everywhere.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from spec.network import Bond, Bridge, Vlan

if TYPE_CHECKING:
    from spec.network import AnyInterface, BondParameters, BridgeParameters

_TICKS = 100
"""The unit of times in files of the kernel: USER_HZ, in a second."""


def ip(*words: str) -> str:
    """Return a command of ip(8) as ifup hands it to the shell: no word can be more than a word."""
    return shlex.join(["ip", *words])


def commands(name: str, each: AnyInterface) -> tuple[list[str], list[str]]:
    """Return the commands that make and remove an interface that is no hardware; none for hardware."""
    if isinstance(each, Vlan):
        make = [
            ip("link", "set", "dev", each.link, "up"),
            ip("link", "add", "link", each.link, "name", name, "type", "vlan", "id", str(each.id)),
        ]
    elif isinstance(each, Bridge):
        make = [ip("link", "add", "name", name, "type", "bridge")]
        make += _set(f"/sys/class/net/{name}/bridge", _of_bridge(each.parameters) if each.parameters else {})
        for port in each.interfaces:
            make += [ip("link", "set", "dev", port, "master", name), ip("link", "set", "dev", port, "up")]
    elif isinstance(each, Bond):
        make = ["modprobe -q bonding max_bonds=0 || :", ip("link", "add", "name", name, "type", "bond")]
        make += _set(f"/sys/class/net/{name}/bonding", _of_bond(each.parameters) if each.parameters else {})
        # Only an interface that is down can join.
        for port in each.interfaces:
            make += [ip("link", "set", "dev", port, "down"), ip("link", "set", "dev", port, "master", name)]
    else:
        return [], []
    return make, [ip("link", "del", "dev", name)]


def _set(folder: str, values: dict[str, object]) -> list[str]:
    return [f"echo {shlex.quote(str(value))} > {folder}/{file}" for file, value in values.items() if value is not None]


def _of_bridge(parameters: BridgeParameters) -> dict[str, object]:
    seconds = {
        "forward_delay": parameters.forward_delay,
        "hello_time": parameters.hello_time,
        "max_age": parameters.max_age,
        "ageing_time": parameters.ageing_time,
    }
    return {
        "stp_state": None if parameters.stp is None else int(parameters.stp),
        "priority": parameters.priority,
        **{file: None if value is None else value * _TICKS for file, value in seconds.items()},
    }


def _of_bond(parameters: BondParameters) -> dict[str, object]:
    # The mode comes first: it decides what else is possible.
    return {
        "mode": parameters.mode,
        "miimon": parameters.mii_monitor_interval,
        "lacp_rate": parameters.lacp_rate,
        "xmit_hash_policy": parameters.transmit_hash_policy,
    }
