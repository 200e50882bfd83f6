"""What the layers of an image have that its system has no more: keys and names of one machine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import output, terminal
from imager.rootfs import seal, tree
from imager.rootfs.private_keys import Finder
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from imager.requests.sealing import Layers

_SHOWN = 5


def run(request: Layers) -> None:
    """Write `identities`, the paths that are in some layer, and `private_keys`, those in the system."""
    found = sorted({path for each in request.tree for path in seal.identities(Root(Path(each)), request.keep)})
    keys = Finder()
    for entry in tree.walk(os.fsencode(request.system), request.keep):
        keys.look(entry)
    unpackaged = keys.unpackaged(Root(Path(request.system)), request.keep)
    if found:
        shown = ", ".join(f"/{path}" for path in found[:_SHOWN])
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        terminal.tell(f"the image becomes one layer, because layers keep what later ones remove: {shown}{more}")
    with output.writing(request.output, request.epoch) as fd:
        output.write_all(fd, json.dumps({"identities": found, "private_keys": unpackaged}).encode())
