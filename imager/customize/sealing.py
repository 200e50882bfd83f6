"""What packing leaves out of a stage, left out of a system itself: for an image that is not packed."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import output, terminal
from imager.rootfs import seal
from imager.rootfs.root import Root
from imager.rootfs.writing import Owner, make_link, remove, write_file

if TYPE_CHECKING:
    from imager.requests.sealing import Seal

_ROOT = Owner(0, 0)


def run(request: Seal) -> None:
    """Remove, empty and add files."""
    root = Root(Path(request.system))
    found = seal.find(root, request.keep)
    if told := seal.describe(found, seal.Seal()):
        terminal.tell(told)
    _list_kept(root, request, found)
    for path in sorted(found.left_out):
        remove(root, path)
    for path in sorted(found.emptied):
        write_file(root, path, b"", keep=True, epoch=request.epoch)
    for path, (source, mode) in sorted(found.added.items()):
        if stat.S_ISLNK(mode):
            make_link(root, path, str(source.readlink()), owner=_ROOT, epoch=request.epoch)
        else:
            with output.reading(source) as fd:
                data = output.read_at(fd, 0, source.stat().st_size)
            write_file(root, path, data, mode=stat.S_IMODE(mode), owner=_ROOT, epoch=request.epoch)


def _list_kept(root: Root, request: Seal, found: seal.Seal) -> None:
    """Add to the list of the system what only the request keeps."""
    every = seal.find(root)
    kept = sorted((every.left_out - found.left_out) | (set(every.emptied) - set(found.emptied)))
    if kept:
        old = root.read(seal.KEEP) or b""
        end = b"" if old.endswith(b"\n") or not old else b"\n"
        lines = "".join(f"/{path}\n" for path in kept).encode()
        write_file(root, seal.KEEP, old + end + lines, epoch=request.epoch)
