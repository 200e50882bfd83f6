"""The account databases of a system: passwd, group, shadow, gshadow (passwd(5), group(5), shadow(5)).

This module reads, writes and represents them; `imager.customize.users` decides what to change. Lines in any other
form (comments, NIS) stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs.text import lines, read
from imager.rootfs.writing import write_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imager.rootfs.root import Root

FIRST_ID, LAST_ID = 1000, 59_999
"""The numbers for human users (login.defs(5) UID_MIN; the end follows Debian's policy)."""
FIRST_SYSTEM_ID, LAST_SYSTEM_ID = 100, 999


@dataclass(frozen=True)
class _Format:
    """How many fields a row of a file needs, and which of them are numbers of users or groups."""

    mode: int
    fields: int = 2
    numbers: tuple[int, ...] = ()


_FORMATS = {
    "passwd": _Format(0o644, 7, (2, 3)),
    "group": _Format(0o644, 4, (2,)),
    "shadow": _Format(0o640),
    "gshadow": _Format(0o640, 4),
}


@dataclass
class Database:
    """One file in /etc: rows of fields separated by colons, the first field a name."""

    file: str
    rows: list[list[str]]

    @classmethod
    def load(cls, root: Root, file: str) -> Database:
        """Return the database in /etc; a missing file is empty."""
        return cls(file, [line.split(":") for line in lines(read(root, f"etc/{file}"))])

    def save(self, root: Root) -> None:
        """Write the file back; it keeps its owner and mode."""
        text = "".join(":".join(row) + "\n" for row in self.rows)
        data = text.encode(errors="surrogateescape")
        write_file(root, f"etc/{self.file}", data, mode=_FORMATS[self.file].mode, keep=True)

    def get(self, name: str) -> list[str] | None:
        """Return the row of `name`, which the caller may change in place. Raises ImagerError for a damaged row."""
        for number, row in enumerate(self.rows, 1):
            if row[0] == name and len(row) > 1:
                self._check(row, number)
                return row
        return None

    def put(self, row: list[str]) -> None:
        """Replace the row with the same name, or append a new one."""
        old = self.get(row[0])
        if old is None:
            self.rows.append(row)
        else:
            old[:] = row

    def ids(self) -> set[int]:
        """Return the numbers in use: the third field of passwd and group."""
        return {int(row[2]) for row in self.rows if len(row) > 2 and _is_number(row[2])}

    def _check(self, row: list[str], line: int) -> None:
        kind = _FORMATS[self.file]
        about = f"/etc/{self.file}, line {line}: the row of {row[0]}"
        if len(row) < kind.fields:
            raise ImagerError(f"{about} has {len(row)} fields instead of {kind.fields}: correct it in the base")
        for index in kind.numbers:
            if not _is_number(row[index]):
                raise ImagerError(f"{about} has {row[index]!r} in place of a number: correct it in the base")


def _is_number(text: str) -> bool:
    """Return whether a text is the number of a user or group; the last one means nobody (chown(2))."""
    return text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 0xFFFFFFFF


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
        gshadow = Database.load(root, "gshadow") if root.file("etc/gshadow") else None
        return cls(Database.load(root, "passwd"), Database.load(root, "group"), Database.load(root, "shadow"), gshadow)

    def save(self, root: Root) -> None:
        """Write the databases back; existing files keep their owner and mode."""
        for database in (self.passwd, self.group, self.shadow, self.gshadow):
            if database is not None:
                database.save(root)

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
