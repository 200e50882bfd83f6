"""Small text files of a system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.rootfs.root import SMALL
from imager.rootfs.writing import write_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.root import Root


def write(root: Root, path: str, text: str, epoch: int, mode: int = 0o644) -> None:
    """Write a file owned by root and dated `epoch`; missing parent directories are created."""
    write_file(root, path, text.encode(errors="surrogateescape"), mode=mode, epoch=epoch)


def read(root: Root, path: str, limit: int = SMALL, errors: str = "surrogateescape") -> str:
    """Return the text of a file, or an empty text if there is none."""
    return (root.read(path, limit) or b"").decode(errors=errors)


def pieces(text: str, separator: str) -> Iterator[str]:
    """Yield what `text.split(separator)` returns: a list of pieces can need 20 times the memory of a text."""
    start = 0
    while (end := text.find(separator, start)) >= 0:
        yield text[start:end]
        start = end + len(separator)
    yield text[start:]


def lines(text: str) -> list[str]:
    """Return the lines of a text as the programs of a system see them: nothing but a line feed ends one.

    `str.splitlines` also ends a line at ten other characters, so a comment could hide an entry.
    """
    found = text.split("\n")
    return found[:-1] if found[-1] == "" else found
