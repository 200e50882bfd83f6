"""The command line of the imager; the only place that exits."""

from __future__ import annotations

import errno
import sys
from importlib import import_module

from imager import contract
from imager.errors import ImagerError, NoSpaceError, UsageError

MODULES = {
    "inspect": "imager.report",
    "initramfs": "imager.initramfs",
    "uki": "imager.uki",
    "raw": "imager.disk",
    "iso": "imager.iso",
    "qcow2": "imager.qcow2",
    "vmdk": "imager.vmdk",
    "vhdx": "imager.vhdx",
    "vhd": "imager.vhd",
    "vdi": "imager.vdi",
    "users": "imager.users",
    "folders": "imager.folders",
    "link": "imager.links",
    "kernel-tree": "imager.kernel_tree",
    "identity": "imager.osrelease",
}
"""The module whose `run(request)` does the work. Imported late: a step loads only what it needs."""


def main(argv: list[str]) -> int:
    """Run one request; 0 done, 1 cannot be done, 2 wrong usage."""
    if argv and argv[0] in ("-h", "--help", "help"):
        print(contract.usage())  # noqa: T201
        return 0
    try:
        request = contract.parse(argv)
    except UsageError as error:
        return _fail(str(error), 2)
    try:
        import_module(MODULES[request.command]).run(request)
    except UsageError as error:
        return _fail(f"{request.command}: {error}", 2)
    except ImagerError as error:
        return _fail(str(error), 1)
    except OSError as error:
        return _fail(_explain(error, request), 1)
    return 0


def _explain(error: OSError, request: contract.Request) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return str(NoSpaceError(request))
    place = error.filename
    if isinstance(place, bytes):
        place = place.decode(errors="backslashreplace")
    return f"{request.command}: {place}: {error.strerror}" if place else f"{request.command}: {error.strerror}"


def _fail(message: str, code: int) -> int:
    line = message.encode(errors="backslashreplace").decode()
    print(f"imager: error: {line}", file=sys.stderr)  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
