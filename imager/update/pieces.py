"""Write the pieces of a program, and its index, as machines fetch them.

Each is in a directory of its own, which becomes a layer of an image: so a registry has a piece once, whatever versions
have it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import output
from imager.core.extents import chunks
from imager.requests.update import LAST
from imager.uki import layout
from imager.update.listing import distinct, pieces

if TYPE_CHECKING:
    from imager.requests.update import Pieces


def run(request: Pieces) -> None:
    """Write them."""
    uki = layout.load(request.uki)
    assert uki.update is not None, "a layout without an index"
    with uki.open_extents() as extents:
        for number, piece in enumerate(distinct(pieces(uki.update.index.decode()))):
            directory = Path(f"{request.output}/{number}/pieces")
            directory.mkdir(parents=True)
            with output.writing(str(directory / piece.digest), request.epoch) as fd:
                for chunk in chunks(extents, piece.at, piece.at + piece.size):
                    output.write_all(fd, chunk)
            _date(request, directory)
    last = Path(request.output + LAST)
    last.mkdir()
    for ending, data in (("pieces", uki.update.index), ("pieces.sig", uki.update.signature)):
        with output.writing(str(last / f"update.{ending}"), request.epoch) as fd:
            output.write_all(fd, data)


def _date(request: Pieces, directory: Path) -> None:
    """Let a directory have the same mode and date on every builder."""
    directory.chmod(0o755)
    os.utime(directory, (request.epoch, request.epoch))
