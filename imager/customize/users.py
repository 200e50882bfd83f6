"""Create and change accounts in a system, the same way in every distribution.

The distributions' own programs differ, want the system's libraries, and write the current date. Each
user is a JSON object; only `name` is needed:

    name                    the login name; an existing user is changed, others are created
    uid                     number; the first free from 1000, for system accounts down from 999
    group                   the primary group, by default one of the user's name; made when it does not exist
    groups                  further groups; those that do not exist are created as system groups, which the log tells
    password                crypt(3) hash; "" = none asked; null = no password fits (ssh keys work).
                            Left out: null for a new user, unchanged for an existing one
    password_file           a file that holds the hash (see `imager.customize.hashes`), instead of `password`
    lock                    true: neither a password nor a key lets anyone in
    shell                   /bin/bash, else /bin/sh; no login for system accounts
    home                    /home/NAME; none for system accounts; made from /etc/skel, mode 0700
    comment                 the full name
    system                  true: a system account
    ssh_authorized_keys     lines of ~/.ssh/authorized_keys
    ssh_key_files           [what messages call it, path] of files with such lines

Each group is a JSON object too: `name`, `gid` (by default the first free), `system` (true: below 1000).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imager.core.errors import ImagerError
from imager.rootfs.accounts import Accounts
from imager.rootfs.root import Root
from spec.credentials import ssh_key

if TYPE_CHECKING:
    from imager import contract

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\$?")
_NO_PASSWORD = "*"
"""Fits no password. Unlike "!", it does not lock the account, which sshd would then refuse."""
_NO_HOME = "/nonexistent"
_UNCHANGED = object()


@dataclass(frozen=True, kw_only=True)
class User:
    """One user as asked; `None` (for `password`: the mark below) leaves the choice to us."""

    name: str
    uid: int | None = None
    group: str | None = None
    groups: tuple[str, ...] = ()
    password: Any = _UNCHANGED
    password_file: str | None = None
    lock: bool = False
    shell: str | None = None
    home: str | None = None
    comment: str | None = None
    system: bool = False
    ssh_authorized_keys: tuple[str, ...] = ()
    ssh_key_files: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> User:
        """Read a JSON object; raises ImagerError."""
        try:
            values = json.loads(text)
        except ValueError as error:
            raise ImagerError(f"a user is not valid JSON: {error}") from None
        names = [field.name for field in fields(cls)]
        if not isinstance(values, dict) or not isinstance(values.get("name"), str):
            raise ImagerError("a user must be a JSON object with a name")
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise ImagerError(f"user {values['name']}: unknown {', '.join(unknown)}; known: {', '.join(names)}")
        kept = {key: _typed(key, value) for key, value in values.items() if value is not None}
        if "password" in values:
            kept.setdefault("password", None)
        user = cls(**kept)
        user._check()
        return user

    def _check(self) -> None:
        for name in (self.name, *self.groups, *((self.group,) if self.group else ())):
            if not _NAME.fullmatch(name) or len(name) > 32:
                raise ImagerError(f"{name!r} is not a user or group name")
        for text in (self.password, self.shell, self.home, self.comment):
            if isinstance(text, str) and set(text) & set(":\n\0"):
                raise ImagerError(f"user {self.name}: {text!r} must not hold a colon or a line break")
        if any("\n" in key for key in self.ssh_authorized_keys):
            raise ImagerError(f"user {self.name}: an ssh key must be one line")
        if self.uid is not None and not 0 <= self.uid < 0xFFFFFFFF:
            raise ImagerError(f"user {self.name}: {self.uid} is not a user number")


def _typed(key: str, value: object) -> Any:
    """Check one value of the JSON object; lists become tuples."""
    if key in ("groups", "ssh_authorized_keys"):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ImagerError(f"{key} of a user must be a list of texts")
        return tuple(value)
    if key == "ssh_key_files":
        if not isinstance(value, list) or not all(isinstance(item, list) and len(item) == 2 for item in value):
            raise ImagerError(f"{key} of a user must be a list of pairs")
        return tuple((str(shown), str(path)) for shown, path in value)
    kind = {"uid": int, "system": bool, "lock": bool}.get(key, str)
    if type(value) is not kind:
        raise ImagerError(f"{key} of a user must be of type {kind.__name__}, not {value!r}")
    return value


def run(request: contract.Users) -> None:
    """Change the system."""
    root = Root(Path(request.system))
    if root.file("etc/passwd") is None:
        raise ImagerError(f"the system {request.system} has no /etc/passwd")
    accounts = Accounts.load(root)
    groups = [json.loads(text) for text in request.group]
    users = [_with_files(User.parse(text)) for text in request.user]
    numbers = (*(group.get("gid") for group in groups), *(user.uid for user in users))
    accounts.reserved.update(number for number in numbers if number is not None)
    for group in groups:
        _group(accounts, **group)
    for user in users:
        _tell_new_groups(accounts, user)
        _account(accounts, root, user, request.epoch)
    accounts.save(root)
    for user in users:
        _home(accounts, root, user, request.epoch)


def _with_files(user: User) -> User:
    """Give `user` with what its files hold."""
    if user.password_file:
        user = replace(user, password=Path(user.password_file).read_text(), password_file=None)
    lines = tuple(line for shown, path in user.ssh_key_files for line in _key_lines(user, shown, Path(path)))
    return replace(user, ssh_authorized_keys=(*user.ssh_authorized_keys, *lines))


def _key_lines(user: User, shown: str, path: Path) -> list[str]:
    """Give the keys in a file: comments and empty lines are left out."""
    if path.is_dir():
        raise ImagerError(f"user {user.name}: {shown} is a folder: name the file with the public keys")
    lines = []
    for number, text in enumerate(path.read_text(errors="backslashreplace").splitlines(), 1):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        try:
            lines.append(ssh_key(text))
        except ValueError as error:
            raise ImagerError(f"user {user.name}: {shown}, line {number}: {error}") from None
    if not lines:
        raise ImagerError(f"user {user.name}: {shown} has no public key in it")
    return lines


def _group(accounts: Accounts, *, name: str, gid: int | None = None, system: bool = False) -> None:
    old = accounts.group.get(name)
    if old is not None:
        if gid is not None and old[2] != str(gid):
            raise ImagerError(f"group {name} exists with the number {old[2]}, not {gid}")
        return
    owner = next((row[0] for row in accounts.group.rows if len(row) > 2 and row[2] == str(gid)), None)
    if owner is not None:
        raise ImagerError(f"group {name}: the number {gid} belongs to the group {owner}")
    accounts.add_group(name, _number(accounts.free_gid(system=system)) if gid is None else gid)


def _tell_new_groups(accounts: Accounts, user: User) -> None:
    """Say in the log which groups of `user` are made for it: most of these exist, and one may be misspelt."""
    known = [row[0] for row in accounts.group.rows if len(row) > 2]
    for name in dict.fromkeys((*((user.group,) if user.group else ()), *user.groups)):
        if name not in (*known, user.name):
            near = get_close_matches(name, known, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            text = f"imager: user {user.name}: the system has no group {name}, so a new one is made{hint}"
            print(text, file=sys.stderr)  # noqa: T201


def _account(accounts: Accounts, root: Root, user: User, epoch: int) -> None:
    old = accounts.passwd.get(user.name)
    row = list(old) if old else _new_row(accounts, root, user)
    if old and user.uid is not None and row[2] != str(user.uid):
        raise ImagerError(f"user {user.name} exists with the number {row[2]}, not {user.uid}")
    row[4] = row[4] if user.comment is None else user.comment
    row[5] = user.home or row[5]
    row[6] = user.shell or row[6]
    if old is None or user.password is not _UNCHANGED:
        password = user.password if isinstance(user.password, str) else _NO_PASSWORD
        # A last change on day 0 would mean: must be changed at the next login.
        day = max(1, epoch // 86_400)
        accounts.shadow.put([user.name, password, str(day), "0", "99999", "7", "", "", ""])
        row[1] = "x"
    if user.group is not None:
        row[3] = str(_gid(accounts, user.group))
    accounts.passwd.put(row)
    if user.lock:
        _lock(accounts, user.name)
    for group in user.groups:
        _gid(accounts, group)
        accounts.join(user.name, group)


def _gid(accounts: Accounts, name: str) -> int:
    """Give the number of a group, which is made when it is not there."""
    if accounts.group.get(name) is None:
        accounts.add_group(name, _number(accounts.free_gid(system=True)))
    row = accounts.group.get(name)
    assert row is not None
    return int(row[2])


def _lock(accounts: Accounts, name: str) -> None:
    """Close an account: "!" stops the password, an account that expired on day 1 stops keys as well (shadow(5))."""
    row = accounts.shadow.get(name)
    if row is None:
        row = [name, _NO_PASSWORD, "1", "0", "99999", "7", "", "", ""]
        accounts.shadow.put(row)
    row += [""] * (9 - len(row))
    row[1] = f"!{row[1].lstrip('!')}"
    row[7] = "1"


def _new_row(accounts: Accounts, root: Root, user: User) -> list[str]:
    taken = accounts.passwd.ids()
    if user.uid in taken:
        raise ImagerError(f"user {user.name}: the number {user.uid} belongs to another user")
    uid = user.uid if user.uid is not None else _number(accounts.free_uid(system=user.system))
    home = _NO_HOME if user.system else f"/home/{user.name}"
    if user.group is not None:
        gid = _gid(accounts, user.group)
        return [user.name, "x", str(uid), str(gid), "", home, _shell(root, system=user.system)]
    group = accounts.group.get(user.name)
    if group is None:
        free = uid not in accounts.group.ids()
        gid = uid if free else _number(accounts.free_gid(system=user.system))
        accounts.add_group(user.name, gid)
    else:
        gid = int(group[2])
    return [user.name, "x", str(uid), str(gid), "", home, _shell(root, system=user.system)]


def _shell(root: Root, *, system: bool) -> str:
    wanted = ("/usr/sbin/nologin", "/sbin/nologin", "/bin/false") if system else ("/bin/bash", "/bin/sh")
    return next((shell for shell in wanted if root.file(shell) is not None), wanted[-1])


def _number(free: int | None) -> int:
    if free is None:
        raise ImagerError("the system has no free user or group number left")
    return free


def _home(accounts: Accounts, root: Root, user: User, epoch: int) -> None:
    row = accounts.passwd.get(user.name)
    assert row is not None
    if row[5] == _NO_HOME:
        if user.ssh_authorized_keys:
            raise ImagerError(f"user {user.name}: ssh keys need a home directory: set home")
        return
    home = root.place(row[5])
    if home is None or (home.exists() and not home.is_dir()):
        raise ImagerError(f"user {user.name}: the home {row[5]} is not a directory")
    owner = _Owner(int(row[2]), int(row[3]), epoch)
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        skeleton = root.resolve("etc/skel")
        if skeleton is not None and skeleton.is_dir():
            shutil.copytree(skeleton, home, symlinks=True)
        else:
            home.mkdir()
        owner.take_tree(home)
        home.chmod(0o700)
    if user.ssh_authorized_keys:
        _keys(root, row[5], owner, user.ssh_authorized_keys)


def _keys(root: Root, home: str, owner: _Owner, keys: tuple[str, ...]) -> None:
    folder = root.place(f"{home}/.ssh")
    if folder is None:
        raise ImagerError(f"{home}/.ssh is a symbolic link in a circle")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "authorized_keys"
    if file.is_symlink():
        file.unlink()
    lines = file.read_text().splitlines() if file.exists() else []
    lines += [key for key in dict.fromkeys(keys) if key not in lines]
    file.write_text("".join(f"{line}\n" for line in lines))
    file.chmod(0o600)
    folder.chmod(0o700)
    owner.take(file)
    owner.take(folder)


@dataclass(frozen=True)
class _Owner:
    uid: int
    gid: int
    epoch: int

    def take(self, place: Path) -> None:
        """Own one path, dated to the epoch."""
        os.chown(place, self.uid, self.gid, follow_symlinks=False)
        os.utime(place, (self.epoch, self.epoch), follow_symlinks=False)

    def take_tree(self, place: Path) -> None:
        """Own a path and everything below it."""
        for folder, folders, files in os.walk(place, topdown=False):
            for name in (*folders, *files):
                self.take(Path(folder, name))
        self.take(place)
