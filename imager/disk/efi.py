"""The unified kernel image as a file: what firmware boots from any EFI system partition, or over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.core import output
from imager.uki import layout

if TYPE_CHECKING:
    from imager.requests.outputs import Efi


def run(request: Efi) -> None:
    """Write the program."""
    wanted = layout.wanted(request)
    with wanted.opened() as pieces, output.writing(request.output, request.epoch) as fd:
        output.truncate(fd, wanted.size)
        for piece in pieces:
            piece.copy(fd, piece.start, piece.start, piece.end)
