"""Start the command, from an installed package or from the working tree."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    """Run the command line and return the exit code."""
    sys.path.insert(0, str(Path(__file__).parent))
    from frontend.cli import main as command

    return command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
