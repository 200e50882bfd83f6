"""The unified kernel image as a file, which firmware boots from any EFI system partition or over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.core import output, progress
from imager.uki import layout

if TYPE_CHECKING:
    from imager.requests.outputs import Efi


def run(request: Efi) -> None:
    """Write the program."""
    uki = layout.load_for(request)
    with (
        uki.open_extents() as pieces,
        output.writing(request.output, request.epoch) as fd,
        progress.told_of_file(request.output, fd, uki.size),
    ):
        output.truncate(fd, uki.size)
        for piece in pieces:
            piece.copy(fd, piece.start, piece.start, piece.end)
