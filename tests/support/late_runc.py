"""A runc for an engine whose build steps see another day, as a program: LIBRARY RUNC ARGUMENT...

It preloads the library (late.c) into every program of the step. A time namespace cannot do this, because it only moves
the clocks that start at boot (time_namespaces(7)). Below /dev, a tmpfs, the library leaves no trace.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

_PLACE = "/dev/late.so"


def main(library: str, argv: list[str]) -> None:
    """Replace this process with runc; if it starts a container, change its bundle first."""
    if "--bundle" in argv:
        config = Path(argv[argv.index("--bundle") + 1]) / "config.json"
        config.write_text(json.dumps(later(json.loads(config.read_text()), library)))
    os.execv(argv[0], argv)


def later(bundle: dict[str, object], library: str) -> dict[str, object]:
    """Return a bundle (OCI runtime specification, config.md) that includes the library."""
    process, mounts = bundle["process"], bundle["mounts"]
    assert isinstance(process, dict)
    assert isinstance(mounts, list)
    mount = {"destination": _PLACE, "type": "bind", "source": library, "options": ["bind", "ro"]}
    return {
        **bundle,
        "process": {**process, "env": [*process.get("env", ()), f"LD_PRELOAD={_PLACE}"]},
        "mounts": [*mounts, mount],
    }


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
