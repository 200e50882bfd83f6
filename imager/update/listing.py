"""The index of an update: which pieces a program has, and where. The machine reads it with a shell.

    claylinux-update 1
    name web
    version 1.4.0
    architecture amd64
    channel stable              only with a channel
    size 123456789
    sha256 HEX                  of the whole program
    space 471859200             bytes for new versions, on a disk with this one
    certificate BASE64          only with Secure Boot: of whoever signed the program
    piece HEX OFFSET SIZE       its SHA-256, in the order of the program

What no piece covers is zeros. A piece that is the same in two versions has the same digest, wherever it is: so a
machine takes it from the version that it has.
"""

from __future__ import annotations

from dataclasses import dataclass

FIRST = "claylinux-update 1"


@dataclass(frozen=True)
class Piece:
    """`size` bytes at byte `at` of the program. `digest` is their SHA-256 in hexadecimal."""

    digest: str
    at: int
    size: int


@dataclass(frozen=True)
class Listing:
    """What the index says."""

    name: str
    version: str
    architecture: str
    channel: str
    size: int
    digest: str
    space: int
    certificate: str
    pieces: tuple[Piece, ...]

    def text(self) -> str:
        """Return the index."""
        facts = {
            "name": self.name,
            "version": self.version,
            "architecture": self.architecture,
            "channel": self.channel,
            "size": self.size,
            "sha256": self.digest,
            "space": self.space,
            "certificate": self.certificate,
        }
        lines = [f"{name} {value}" for name, value in facts.items() if value != ""]
        lines += [f"piece {each.digest} {each.at} {each.size}" for each in self.pieces]
        return "".join(f"{line}\n" for line in (FIRST, *lines))


def pieces(text: str) -> tuple[Piece, ...]:
    """Return the pieces that an index of ours lists."""
    rows = (line.split() for line in text.split("\n") if line.startswith("piece "))
    return tuple(Piece(digest, int(at), int(size)) for _, digest, at, size in rows)


def distinct(found: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Return the first piece of each digest, in order."""
    first: dict[str, Piece] = {}
    for each in found:
        first.setdefault(each.digest, each)
    return tuple(first.values())
