"""How far the packing of a stage is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from imager.core import progress
from imager.initramfs import changes, segments
from imager.rootfs import tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from imager.requests.packing import Stage


def told(request: Stage, done: Callable[[], int]) -> AbstractContextManager[None]:
    """Tell how far packing is while the block runs: `done` bytes went to the program that compresses them."""

    def whole() -> int:
        # Beside the packing, which does not know how much comes. Only a long step can afford to look twice.
        system = os.fsencode(request.system)
        if not request.below:
            return segments.total(tree.walk(system, request.keep, exclude=request.exclude)).size
        found = changes.compare(os.fsencode(request.below), system, request.epoch, request.keep, request.exclude)
        return segments.total(change.entry for change in found.changed).size

    return progress.told("packing", done, whole)
