"""Sizes in bytes, written as people do."""

from __future__ import annotations

import re
from typing import Annotated

from .kinds import Text
from .types import Share

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = r"[1-9][0-9]{0,14}[KMGTkmgt]?([Ii]?[Bb])?"
_LARGEST = 1 << 62
"""What everybody who gets a size can hold: the kernel and BuildKit count in int64."""
MEMORY_SIZE = rf"{_SIZE}|[1-9][0-9]?%|100%"


def size(text: str) -> int:
    """Return the number of bytes; as with Docker's own options, units are powers of 1024 and in any case.

    Raises ValueError for what is no size (without a text), or is too large.
    """
    if not re.fullmatch(_SIZE, text):
        raise ValueError
    digits = text.upper().removesuffix("B").removesuffix("I")
    unit = digits[-1] if digits[-1].isalpha() else ""
    number = int(digits.removesuffix(unit)) * _UNITS[unit]
    if number > _LARGEST:
        raise ValueError(f"{text} is more than any machine has")
    return number


def memory(text: str) -> int | Share:
    """Return bytes, or a share of the memory, of a text that matches `MEMORY_SIZE`."""
    return Share(int(text.removesuffix("%"))) if text.endswith("%") else size(text)


Size = Annotated[int, Text(expected="a size such as 64M or 2G", pattern=_SIZE, convert=size)]
MemorySize = Annotated[int | Share, Text(expected="a size such as 64M, or 50%", pattern=MEMORY_SIZE, convert=memory)]
