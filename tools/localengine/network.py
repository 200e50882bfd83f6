"""A network of its own for every engine but the first, so that engines can run side by side."""

import subprocess
from pathlib import Path

from localengine.errors import EngineError
from localengine.places import Places


def bridge(places: Places) -> str:
    """The bridge's name, at most 15 bytes; empty for the engine that uses docker0."""
    return f"clay{places.network_slot}" if places.network_slot else ""


def settings(places: Places) -> dict[str, object]:
    """What daemon.json says about networks; makes the bridge if it is not there."""
    name = bridge(places)
    if not name:
        return {}
    _make(name, f"172.29.{places.network_slot}.1/24")
    # User-defined networks: not needed by builds, but two engines must not hand out the same ones.
    return {
        "bridge": name,
        "default-address-pools": [{"base": f"10.{places.network_slot}.0.0/16", "size": 24}],
    }


def remove(places: Places) -> None:
    """Take the bridge away again."""
    name = bridge(places)
    if name and _exists(name):
        _ip("link", "delete", name)


def _make(name: str, address: str) -> None:
    if not _exists(name):
        _ip("link", "add", name, "type", "bridge")
        _ip("address", "add", address, "dev", name)
    _ip("link", "set", name, "up")


def _exists(name: str) -> bool:
    return (Path("/sys/class/net") / name).exists()


def _ip(*argv: str) -> None:
    done = subprocess.run(["ip", *argv], text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise EngineError(f"the engine's network cannot be made: ip {' '.join(argv)}: {done.stderr.strip()}")
