"""Pack a system once, in a separate process, and print the cost as JSON: `bench/rootfs.py` starts this.

pack.py BLOCK TOOLS COMMAND --flag value ...     a request of the imager; its squashfs has blocks of BLOCK bytes
pack.py - - PROGRAM argument ...                 any other program
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main(block: str, tools: str, argv: list[str]) -> None:
    """Run the command in `argv`."""
    if block == "-":
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    else:
        _imager(int(block), tools, argv)
    own, child = (getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    figures = {
        "own_cpu": own.ru_utime + own.ru_stime,
        "child_cpu": child.ru_utime + child.ru_stime,
        "peak": (own.ru_maxrss + child.ru_maxrss) / 1024,
    }
    print(json.dumps(figures))


def _imager(block: int, tools: str, argv: list[str]) -> None:
    """Set the block size and the directory of programs directly: requests have no flags for them, nor do users."""
    import imager.__main__
    import imager.archive.squashfs
    import imager.core.tools

    imager.archive.squashfs._BLOCK = block
    imager.core.tools._ENVIRONMENT["PATH"] = f"{tools}:{imager.core.tools._ENVIRONMENT['PATH']}"
    if code := imager.__main__.main(argv):
        sys.exit(code)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
