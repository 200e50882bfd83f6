"""runc for an engine whose build steps live on another day, as a program: LIBRARY OFFSET RUNC ARGUMENT...

It preloads libfaketime (Debian's libfaketime) into every program of the step. A time namespace cannot do that: it moves
only the clocks that start at boot (time_namespaces(7)). Below /dev, which is a tmpfs, the library leaves no trace.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

_PLACE = "/dev/faketime.so"


def main(library: str, offset: str, argv: list[str]) -> None:
    """Become runc, with a changed bundle where it starts something."""
    if "--bundle" in argv:
        config = Path(argv[argv.index("--bundle") + 1]) / "config.json"
        config.write_text(json.dumps(later(json.loads(config.read_text()), library, offset)))
    os.execv(argv[0], argv)


def later(bundle: dict[str, object], library: str, offset: str) -> dict[str, object]:
    """Give a bundle (OCI runtime specification, config.md) whose clock is `offset` ahead, such as +30h."""
    process, mounts = bundle["process"], bundle["mounts"]
    assert isinstance(process, dict)
    assert isinstance(mounts, list)
    # File times stay the kernel's, and clocks that wait for something the real ones.
    env = (f"LD_PRELOAD={_PLACE}", f"FAKETIME={offset}", "NO_FAKE_STAT=1", "FAKETIME_DONT_FAKE_MONOTONIC=1")
    mount = {"destination": _PLACE, "type": "bind", "source": library, "options": ["bind", "ro"]}
    return {
        **bundle,
        "process": {**process, "env": [*process.get("env", ()), *env, "FAKETIME_DISABLE_SHM=1"]},
        "mounts": [*mounts, mount],
    }


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
