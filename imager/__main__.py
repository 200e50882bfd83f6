"""The command line of the imager; the only place that exits."""

from __future__ import annotations

import sys

from imager import contract, failure
from imager.commands import perform
from imager.errors import UsageError


def main(argv: list[str]) -> int:
    """Run one request; 0 done, 1 cannot be done, 2 wrong usage."""
    if argv and argv[0] in ("-h", "--help", "help"):
        print(contract.usage())  # noqa: T201
        return failure.DONE
    try:
        request = contract.parse(argv)
    except UsageError as error:
        return failure.tell("imager", str(error), failure.MISUSED)
    return failure.attempt("imager", lambda: perform(request), request, name=request.command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
