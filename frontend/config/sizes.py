"""Sizes in bytes, written as people do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .kinds import Text

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = r"[1-9][0-9]{0,11}[KMGT]?(i?B)?"
MEMORY_SIZE = rf"{_SIZE}|[1-9][0-9]?%|100%"


def _size(text: str) -> int:
    """Return the number of bytes; units are powers of 1024, as with Docker's own options."""
    digits = text.removesuffix("B").removesuffix("i")
    unit = digits[-1] if digits[-1].isalpha() else ""
    return int(digits.removesuffix(unit)) * _UNITS[unit]


@dataclass(frozen=True, slots=True)
class Share:
    """A part of the machine's memory, in percent."""

    percent: int


def memory(text: str) -> int | Share:
    """Return bytes, or a share of the memory, of a text that matches `MEMORY_SIZE`."""
    return Share(int(text.removesuffix("%"))) if text.endswith("%") else _size(text)


Size = Annotated[int, Text(expected="a size such as 64M or 2G", pattern=_SIZE, convert=_size)]
MemorySize = Annotated[int | Share, Text(expected="a size such as 64M, or 50%", pattern=MEMORY_SIZE, convert=memory)]
