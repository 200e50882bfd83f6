"""Who can log in to a system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request
from spec.accounts import Group, User


@dataclass(frozen=True, kw_only=True)
class Hashes(Request):
    """Check the password hashes in the files of `source` that `name` names, and copy them to `output`."""

    performed_by: ClassVar[str] = "customize.hashes"
    source: str
    name: tuple[str, ...]
    output: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Users(Request):
    """Create or change accounts in `system`.

    `hashes` is the directory with the hashes that are in secrets, by the ID of the secret; `keys` the one with the
    files of public keys, by their number in `spec.accounts.key_files`.
    """

    performed_by: ClassVar[str] = "customize.users"
    system: str
    group: tuple[Group, ...] = ()
    user: tuple[User, ...] = ()
    hashes: str = "/hashes"
    keys: str = "/keys"
    epoch: int
