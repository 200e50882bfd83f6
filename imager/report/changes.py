"""What changed since an earlier report of the same kind.

Parts are compared as they are unpacked: the estimates of their compressed sizes depend on all the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """A size in bytes then and now; 0 where there was, or is, no such thing. None: the report does not know it."""

    name: str
    before: int | None
    now: int | None

    @property
    def more(self) -> int:
        """How much it grew; 0 if that is not known."""
        return self.now - self.before if self.before is not None and self.now is not None else 0


def of_whole(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the totals of two reports, changed or not."""
    return (
        Change("UKI", before["uki"]["size"], now["uki"]["size"]),
        Change("RAM to boot", before["ram"], now["ram"]),
        Change("system, unpacked", before["system"]["size"], now["system"]["size"]),
        Change("kernel modules", before["modules"]["size"], now["modules"]["size"]),
        Change("firmware", before["firmware"]["size"], now["firmware"]["size"]),
        Change("files of no package", before["unpackaged"]["size"], now["unpackaged"]["size"]),
    )


def of_packages(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the packages whose size changed, those that changed most first."""
    return _of_rows(before["packages"], now["packages"], "name")


def of_directories(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the directories whose size changed, those that changed most first."""
    return _of_rows(before["directories"], now["directories"], "path")


def _of_rows(before: list[dict[str, Any]], now: list[dict[str, Any]], key: str) -> tuple[Change, ...]:
    old, new = ({row[key]: row["size"] for row in rows} for rows in (before, now))
    found = (Change(name, old.get(name, 0), new.get(name, 0)) for name in {**new, **old})
    return tuple(sorted((each for each in found if each.more), key=lambda each: (-abs(each.more), each.name)))
