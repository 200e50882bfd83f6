"""Directories in a system with all their mode bits and an owner by number or name.

BuildKit's mkdir drops setuid, setgid and sticky bits, and leaves a directory alone that is there already.
Each directory is a JSON object: `path`, `mode` (a number), `user`, and `group` (null: the user's own group);
user and group are numbers, or names of the system's own /etc/passwd and /etc/group.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs.accounts import Accounts
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from imager.contract import Folders


def run(request: Folders) -> None:
    """Make every directory, or change the one that is there."""
    root = Root(Path(request.system))
    accounts = Accounts.load(root)
    for text in request.folder:
        wanted = json.loads(text)
        place = root.place(wanted["path"])
        if place is None:
            raise ImagerError(f"{wanted['path']}: the links on the way go in circles")
        if place.exists() and not place.is_dir():
            raise ImagerError(f"{wanted['path']}: cannot become a directory: a file is there")
        uid, gid = owner(accounts, wanted["user"], wanted["group"])
        place.mkdir(parents=True, exist_ok=True)
        os.chown(place, uid, gid)
        place.chmod(wanted["mode"])
        os.utime(place, (request.epoch, request.epoch))


def owner(accounts: Accounts, user: int | str, group: int | str | None) -> tuple[int, int]:
    """Return the numbers of an owner. Raises `ImagerError` for a name that the system does not have."""
    row = accounts.passwd.get(user) if isinstance(user, str) else None
    if isinstance(user, str) and row is None:
        raise ImagerError(f"there is no user {user} in this system: name it in `users`, or install its package")
    uid = int(row[2]) if row else int(user)
    if group is None:
        return uid, int(row[3]) if row else uid
    found = accounts.group.get(group) if isinstance(group, str) else None
    if isinstance(group, str) and found is None:
        raise ImagerError(f"there is no group {group} in this system")
    return uid, int(found[2]) if found else int(group)
