"""The layout of an EFI program that does not exist as a file: every output writes its pieces to their final place.

The large pieces stay in the segments of the system, so each output copies each of them once, and never to a temporary
file. `imager uki` writes two files:

    uki.json   {"architecture", "digest", "layers": null or {"guid", "pieces", "size"},
               "pieces": [{"at", "path", "size", "start"}], "sections": {name: size},
               "signer": null or {"subject", "sha256"}, "size"}; `size` bytes from byte `start` of the file `path`
               belong at byte `at` of the program. The bytes between the pieces are zeros. `layers` is a partition
               beside the program, with pieces of its own
               A system that updates itself has "update": {"name", "space"}, and three files beside (see `Update`)
    uki.head   the small pieces, one after the other; their `path` is ""

Users who have a complete EFI program in a file can pass that file instead.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import machine, output
from imager.core.errors import ImagerError
from imager.core.extents import Extent, Payload
from imager.requests.outputs import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from imager.requests.outputs import Output

LAYOUT = ".json"
INDEX = ".pieces"
_HEAD = ".head"
_LOADER, _SIGNATURE = ".loader", ".sig"


@dataclass(frozen=True)
class Piece:
    """A part of the program: `size` bytes from `start` of the file `path` belong at byte `at`."""

    at: int
    path: str
    size: int
    start: int = 0


@dataclass(frozen=True)
class Signer:
    """Who signed a program: the subject of the certificate, and its SHA-256 in hexadecimal."""

    subject: str
    sha256: str


@contextmanager
def open_extents(pieces: tuple[Piece, ...], at: int) -> Iterator[tuple[Extent, ...]]:
    """Yield the extents of a disk on which that which the pieces are of starts at byte `at`."""
    with ExitStack() as stack:
        files = {path: stack.enter_context(output.reading(path)) for path in {piece.path for piece in pieces}}
        yield tuple(Extent(at + piece.at, Payload(files[piece.path], piece.size, piece.start)) for piece in pieces)


@dataclass(frozen=True)
class Partition:
    """A partition of `size` bytes beside the program, which knows it by its `guid`."""

    guid: str
    size: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Update:
    """What a medium has beside a program that updates itself.

    `name` is that of its file, without an ending. `space` are the bytes for new versions. `loader` is the boot manager,
    `index` lists the pieces of the program (see `imager.update.index`), and `signature` is that of the index.
    """

    name: str
    space: int
    loader: bytes
    index: bytes
    signature: bytes


@dataclass(frozen=True)
class UkiLayout:
    """An EFI program of `size` bytes for `architecture`; no two different programs have the same `digest`."""

    architecture: str
    size: int
    digest: str
    pieces: tuple[Piece, ...]
    sections: Mapping[str, int] = field(default_factory=dict)
    """The size of each section added to the stub, by name."""
    signer: Signer | None = None
    layers: Partition | None = None
    update: Update | None = None

    def open_extents(self, at: int = 0) -> AbstractContextManager[tuple[Extent, ...]]:
        """Yield the extents of a disk on which the program starts at byte `at`."""
        return open_extents(self.pieces, at)


def load(place: str) -> UkiLayout:
    """Return the layout in a file, or that of a complete program; raises ImagerError if the file is neither."""
    path = Path(place)
    if not path.is_file():
        raise ImagerError(f"there is no EFI program {place}")
    if path.suffix != LAYOUT:
        return _whole(path)
    found = json.loads(path.read_bytes())
    head = str(path.with_suffix(_HEAD))
    pieces = tuple(Piece(**{**piece, "path": piece["path"] or head}) for piece in found.pop("pieces"))
    signer, layers, update = (found.pop(name, None) for name in ("signer", "layers", "update"))
    return UkiLayout(
        pieces=pieces,
        signer=Signer(**signer) if signer else None,
        layers=Partition(**{**layers, "pieces": tuple(Piece(**each) for each in layers["pieces"])}) if layers else None,
        update=_update(path, **update) if update else None,
        **found,
    )


def _update(path: Path, name: str, space: int) -> Update:
    loader, index, signature = (path.with_suffix(ending).read_bytes() for ending in (_LOADER, INDEX, _SIGNATURE))
    return Update(name, space, loader, index, signature)


def load_for(request: Output) -> UkiLayout:
    """Return the layout for the output of `request`; raises ImagerError if it is for another architecture."""
    program = load(request.uki)
    if program.architecture != request.architecture or request.architecture not in ARCHITECTURES:
        raise ImagerError(f"{request.uki} is an EFI program for {program.architecture}, not for {request.architecture}")
    return program


def write(
    place: str,
    epoch: int,
    architecture: str,
    size: int,
    sections: Mapping[str, int],
    parts: Iterable[tuple[int, bytes | Path]],
    segments: Collection[Path] = (),
    *,
    detached: bool = True,
    layers: Partition | None = None,
) -> None:
    """Write a layout to `place`, which ends with `LAYOUT`. `parts` are pairs of position and content.

    A `detached` layout refers to no other file than the `segments`. The digest says nothing of `layers`: the program
    has their hashes.
    """
    pieces: list[Piece] = []
    digest = hashlib.sha256()
    with output.writing(str(Path(place).with_suffix(_HEAD)), epoch) as fd:
        end = 0
        for at, content in parts:
            if isinstance(content, Path) and (content in segments or not detached):
                piece = Piece(at, str(content), content.stat().st_size)
                # Only a segment has its digest beside it; in a system, a file of that name would be the user's.
                mark = output.saved_digest(content) if content in segments else output.digest(content)
            else:
                data = content if isinstance(content, bytes) else content.read_bytes()
                piece, end = Piece(at, "", len(data), end), end + len(data)
                output.write_all(fd, data)
                mark = hashlib.sha256(data).digest()
            # Paths and the order of files depend on the builder, so they are not part of the program's digest.
            digest.update(f"{at} {piece.size} ".encode() + mark)
            pieces.append(piece)
    _save(place, epoch, UkiLayout(architecture, size, digest.hexdigest(), tuple(pieces), dict(sections), layers=layers))


def write_changed(place: str, epoch: int, uki: UkiLayout, head: bytes) -> None:
    """Write a layout that was made of another one to `place`. Its pieces without a path are in `head`."""
    with output.writing(str(Path(place).with_suffix(_HEAD)), epoch) as fd:
        output.write_all(fd, head)
    _save(place, epoch, uki)


def write_update(place: str, epoch: int, uki: UkiLayout, update: Update) -> None:
    """Write a layout to `place` again, with what updates need beside it."""
    for ending, data in ((_HEAD, b""), (_LOADER, update.loader), (INDEX, update.index), (_SIGNATURE, update.signature)):
        with output.writing(str(Path(place).with_suffix(ending)), epoch) as fd:
            output.write_all(fd, data)
    _save(place, epoch, replace(uki, update=update))


def _save(place: str, epoch: int, uki: UkiLayout) -> None:
    found = asdict(replace(uki, update=None))
    del found["update"]
    if uki.update:
        found["update"] = {"name": uki.update.name, "space": uki.update.space}
    output.save_json(place, found, epoch)


def _whole(path: Path) -> UkiLayout:
    with output.reading(path) as fd:
        found = machine.of_pe(os.pread(fd, machine.HEAD, 0))
        size = os.fstat(fd).st_size
    if found is None:
        raise ImagerError(f"{path} is not an EFI program")
    return UkiLayout(found, size, output.digest(path).hex(), (Piece(0, str(path), size),))
