"""Directories in a system with all their mode bits and an owner by number or name.

BuildKit's mkdir drops setuid, setgid and sticky bits, and leaves an existing directory alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs import writing
from imager.rootfs.accounts import Accounts
from imager.rootfs.root import Root
from spec.values.types import Owner

if TYPE_CHECKING:
    from imager.requests.files import Directories

_MODE = 0o755
_ROOT = Owner(user=0, group=0)


def run(request: Directories) -> None:
    """Make every directory, or change the existing one."""
    root = Root(Path(request.system))
    accounts = Accounts.load(root)
    for path, wanted in request.directory.items():
        owner = writing.Owner(*numbers(accounts, wanted.owner or _ROOT))
        mode = _MODE if wanted.mode is None else wanted.mode
        writing.make_directory(root, path, mode=mode, owner=owner, epoch=request.epoch)


def numbers(accounts: Accounts, owner: Owner) -> tuple[int, int]:
    """Return the user and group number of an owner. Raises ImagerError for a name that the system does not have."""
    row = accounts.passwd.get(owner.user) if isinstance(owner.user, str) else None
    if isinstance(owner.user, str) and row is None:
        raise ImagerError(f"there is no user {owner.user} in this system: name it in `users`, or install its package")
    uid = int(row[2]) if row else int(owner.user)
    if owner.group is None:
        return uid, int(row[3]) if row else uid
    found = accounts.group.get(owner.group) if isinstance(owner.group, str) else None
    if isinstance(owner.group, str) and found is None:
        raise ImagerError(f"there is no group {owner.group} in this system")
    return uid, int(found[2]) if found else int(owner.group)
