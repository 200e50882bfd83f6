"""Times in the form that each format needs, from the epoch of a request."""

from __future__ import annotations

import re
from datetime import UTC, datetime

LAST = 0x7FFFFFFF
"""The latest epoch, 2038-01-19T03:14:07Z, that every format and every kernel supports."""
FAT_FIRST = 315_532_800
"""1980-01-01T00:00:00Z, the first second that FAT can hold."""
FAT_LAST = 4_354_819_198
"""2107-12-31T23:59:58Z, the last second that FAT can hold."""


def parse(text: str) -> int:
    """Return an epoch from the text of SOURCE_DATE_EPOCH; raises ValueError with the accepted range."""
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > LAST:
        raise ValueError(f"expected seconds since 1970-01-01 from 0 to {LAST}")
    return int(text)


def clamp(mtime: float, epoch: int) -> int:
    """Return a file's time in whole seconds, limited to 0 through `epoch`."""
    return max(0, int(min(mtime, epoch)))


def fat(epoch: int) -> tuple[int, int]:
    """Return FAT's date and time words (Microsoft FAT specification, "Date and Time Formats")."""
    at = datetime.fromtimestamp(min(max(epoch, FAT_FIRST), FAT_LAST), UTC)
    return (at.year - 1980) << 9 | at.month << 5 | at.day, at.hour << 11 | at.minute << 5 | at.second // 2


def iso_long(epoch: int) -> bytes:
    """Return a date for a volume descriptor (ECMA-119 8.4.26.1), in UTC."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y%m%d%H%M%S00").encode() + b"\0"


def iso_short(epoch: int) -> bytes:
    """Return a date for a directory record (ECMA-119 9.1.5), in UTC; the years are 1900 to 2155."""
    at = datetime.fromtimestamp(epoch, UTC)
    return bytes([min(at.year - 1900, 255), at.month, at.day, at.hour, at.minute, at.second, 0])
