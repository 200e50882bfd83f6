"""The command line of the imager; the only place that exits."""

from __future__ import annotations

import os
import sys
from functools import partial

from imager import failure
from imager.commands import parse, perform, usage
from imager.core.errors import UsageError


def main(argv: list[str]) -> int:
    """Run the requests until one fails; 0 done, 1 cannot be done, 2 wrong usage, as `failure.numbered` tells it."""
    if argv and argv[0] in ("-h", "--help", "help"):
        print(usage())  # noqa: T201
        return failure.DONE
    try:
        requests = parse(argv)
    except UsageError as error:
        return failure.tell("imager", str(error), failure.MISUSED)
    for number, request in enumerate(requests):
        if code := failure.attempt("imager", partial(perform, request), request, name=request.command()):
            return failure.numbered(code, number)
    return failure.DONE


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # The kernel takes back at once what Python would free object by object: 7 ms of every step.
    os._exit(code)
