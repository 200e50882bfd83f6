"""Sizes in bytes, with units."""

from __future__ import annotations

import re
from typing import Annotated

from .kinds import MismatchError, Text
from .types import Share

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SIZE = r"[1-9][0-9]{0,14}[KMGTkmgt]?([Ii]?[Bb])?"
_LARGEST = 1 << 62
"""The kernel and BuildKit count in int64."""
MEMORY_SIZE = rf"{SIZE}|[1-9][0-9]?%|100%"


def size(text: str) -> int:
    """Return the number of bytes. Units are powers of 1024, in upper or lower case, as in Docker's own options.

    Raises `MismatchError` for what is not a size, or is too large.
    """
    if not re.fullmatch(SIZE, text):
        raise MismatchError
    digits = text.upper().removesuffix("B").removesuffix("I")
    unit = digits[-1] if digits[-1].isalpha() else ""
    number = int(digits.removesuffix(unit)) * _UNITS[unit]
    if number > _LARGEST:
        raise MismatchError("no machine is that large")
    return number


def memory(text: str) -> int | Share:
    """Return the bytes, or the share of the memory, in a text that matches `MEMORY_SIZE`."""
    return Share(int(text.removesuffix("%"))) if text.endswith("%") else size(text)


Size = Annotated[
    int,
    Text("a whole number above 0, optionally with the unit K, M, G or T", ("64M", "2G"), pattern=SIZE, convert=size),
]
MemorySize = Annotated[
    int | Share, Text("a size, or up to 100% of the memory", ("1G", "50%"), pattern=MEMORY_SIZE, convert=memory)
]
