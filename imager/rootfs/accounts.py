"""The account databases of a system: passwd, group, shadow, gshadow (passwd(5), group(5), shadow(5)).

This module reads, writes and represents them; `imager.customize.users` decides what to change. Lines in any other
form (comments, NIS) stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from imager.rootfs.root import Root

FIRST_ID, LAST_ID = 1000, 59_999
"""The numbers for human users (login.defs(5) UID_MIN; the end follows Debian's policy)."""
FIRST_SYSTEM_ID, LAST_SYSTEM_ID = 100, 999
_MODES = {"passwd": 0o644, "group": 0o644, "shadow": 0o640, "gshadow": 0o640}


@dataclass
class Database:
    """One file in /etc: rows of fields separated by colons, the first field a name."""

    rows: list[list[str]] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str) -> Database:
        """Return the database in the text of a file."""
        return cls([line.split(":") for line in text.splitlines()])

    def text(self) -> str:
        """Return the text of the file."""
        return "".join(":".join(row) + "\n" for row in self.rows)

    def get(self, name: str) -> list[str] | None:
        """Return the row of `name`, which the caller may change in place."""
        return next((row for row in self.rows if row[0] == name and len(row) > 1), None)

    def put(self, row: list[str]) -> None:
        """Replace the row with the same name, or append a new one."""
        old = self.get(row[0])
        if old is None:
            self.rows.append(row)
        else:
            old[:] = row

    def ids(self) -> set[int]:
        """Return the numbers in use: the third field of passwd and group."""
        return {int(row[2]) for row in self.rows if len(row) > 2 and row[2].isdigit()}


@dataclass(frozen=True)
class Accounts:
    """The four databases of a system; `gshadow` is None if the system has none.

    Accounts that ask for a number get it, so `reserved` holds those numbers and nobody else gets one of them.
    """

    passwd: Database
    group: Database
    shadow: Database
    gshadow: Database | None
    reserved: set[int] = field(default_factory=set)

    @classmethod
    def load(cls, root: Root) -> Accounts:
        """Read the databases of a system; missing files are empty."""
        gshadow = root.file("etc/gshadow")
        return cls(
            _read(root.file("etc/passwd")),
            _read(root.file("etc/group")),
            _read(root.file("etc/shadow")),
            _read(gshadow) if gshadow else None,
        )

    def save(self, root: Root) -> None:
        """Write the databases back; existing files keep their owner and mode."""
        for name, database in (
            ("passwd", self.passwd),
            ("group", self.group),
            ("shadow", self.shadow),
            ("gshadow", self.gshadow),
        ):
            place = root.place(f"etc/{name}")
            if database is None or place is None:
                continue
            new = not place.exists()
            place.write_text(database.text(), errors="surrogateescape")
            if new:
                place.chmod(_MODES[name])

    def add_group(self, name: str, gid: int) -> None:
        """Add an empty group."""
        self.group.put([name, "x", str(gid), ""])
        if self.gshadow is not None:
            self.gshadow.put([name, "!", "", ""])

    def join(self, user: str, group: str) -> None:
        """Make `user` a member of the existing `group`."""
        for database in (self.group, self.gshadow):
            row = database.get(group) if database is not None else None
            if row is not None:
                members = [member for member in row[3].split(",") if member]
                row[3] = ",".join(members if user in members else [*members, user])

    def free_uid(self, *, system: bool) -> int | None:
        """Return a number for a new user that is also free as a group, or None if all are taken.

        Numbers of system accounts count down from 999, as in useradd(8).
        """
        return _free(self.passwd.ids() | self.group.ids() | self.reserved, system=system)

    def free_gid(self, *, system: bool) -> int | None:
        """Return a number for a new group, or None if all are taken."""
        return _free(self.group.ids() | self.reserved, system=system)


def _free(taken: set[int], *, system: bool) -> int | None:
    order: Iterable[int] = range(LAST_SYSTEM_ID, FIRST_SYSTEM_ID - 1, -1) if system else range(FIRST_ID, LAST_ID + 1)
    return next((number for number in order if number not in taken), None)


def _read(place: Path | None) -> Database:
    return Database.parse(place.read_text(errors="surrogateescape")) if place else Database()
