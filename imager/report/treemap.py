"""The files of a system as the cells of a picture: what is too small to be seen is added up, directory by directory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from imager.report.files import File, Tally

_PARTS = 4000
"""A file with less than this part of the system, packed and unpacked, has no cell of its own."""
_Key = tuple[str, str, int]
"""Directory, package and kind of small files."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A file, or small files of one package and kind together, which have no name. Sizes are in bytes."""

    directory: str
    name: str
    package: str
    kind: int
    size: int
    compressed: int
    files: int


def cells(shipped: Sequence[File], compressed: int) -> tuple[Cell, ...]:
    """Return what is in the picture of a system that is packed as `compressed` bytes.

    Small files go to their directory, and if even all of them there are little, to the directories above. So a system
    has some thousand cells, however many files it has.
    """
    total = Tally()
    for file in shipped:
        total.add(file.size, file.estimate)
    scale = compressed / total.estimate if total.estimate else 0.0

    def is_small(size: int, estimate: float) -> bool:
        return size * _PARTS < total.size and estimate * _PARTS < total.estimate

    found: list[Cell] = []
    small: dict[_Key, Tally] = defaultdict(Tally)
    for file in shipped:
        directory, _, name = file.path.rpartition("/")
        if is_small(file.size, file.estimate):
            small[directory, file.package, file.kind].add(file.size, file.estimate)
        else:
            packed = round(file.estimate * scale)
            found.append(Cell(directory, name, file.package, file.kind, file.size, packed, 1))
    for key, tally in _gathered(small, is_small):
        found.append(Cell(key[0], "", *key[1:], tally.size, round(tally.estimate * scale), tally.files))
    return tuple(sorted(found, key=lambda cell: (cell.directory, cell.name, cell.package, cell.kind)))


def _gathered(small: dict[_Key, Tally], is_small: Callable[[int, float], bool]) -> Iterator[tuple[_Key, Tally]]:
    """Yield the tallies that are large enough, or at the top; the others are added to those of the directory above."""
    levels: dict[int, dict[_Key, Tally]] = defaultdict(dict)
    for key, tally in small.items():
        levels[_depth(key[0])][key] = tally
    while levels:
        depth = max(levels)
        for key, tally in levels.pop(depth).items():
            if depth == 0 or not is_small(tally.size, tally.estimate):
                yield key, tally
            else:
                above = (key[0].rpartition("/")[0], key[1], key[2])
                levels[depth - 1].setdefault(above, Tally()).add(tally.size, tally.estimate, tally.files)


def _depth(directory: str) -> int:
    return len(directory.split("/")) if directory else 0
