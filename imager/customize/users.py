"""Create and change accounts in a system, the same way in every distribution.

The distributions' own programs differ, want the system's libraries, and write the current date. An existing user is
changed, others are created. By default a user gets

    uid        the first free number from 1000; for system accounts, down from 999
    group      one of the user's name; it is made when it does not exist, as are the further `groups`
    password   a new user: none fits (ssh keys work); an existing one keeps its own
    shell      /bin/bash, else /bin/sh; no login for system accounts
    home       /home/NAME, made from /etc/skel with mode 0700; none for system accounts
"""

from __future__ import annotations

import stat
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import terminal
from imager.core.errors import ImagerError
from imager.rootfs.accounts import Accounts
from imager.rootfs.copying import copy_tree
from imager.rootfs.root import Root
from imager.rootfs.text import lines, read
from imager.rootfs.writing import Owner, make_directory, write_file
from spec.accounts import Group, HashSecret, HashText, KeyFile, KeyText, User, key_files
from spec.credentials import ssh_key

if TYPE_CHECKING:
    from imager.requests.accounts import Users

_NO_PASSWORD = "*"
"""Fits no password. Unlike "!", it does not lock the account, which sshd would then refuse."""
_NO_HOME = "/nonexistent"


def run(request: Users) -> None:
    """Change the system."""
    root = Root(Path(request.system))
    if root.file("etc/passwd") is None:
        raise ImagerError(f"the system {request.system} has no /etc/passwd")
    accounts = Accounts.load(root)
    keys = {user.name: _keys_of(user, request) for user in request.user}
    numbers = (*(group.gid for group in request.group), *(user.uid for user in request.user))
    accounts.reserved.update(number for number in numbers if number is not None)
    for group in request.group:
        _add_group(accounts, group)
    for user in request.user:
        _tell_new_groups(accounts, user)
        _account(accounts, root, user, request)
    accounts.save(root)
    for user in request.user:
        _home(accounts, root, user, keys[user.name], request.epoch)


def _keys_of(user: User, request: Users) -> tuple[str, ...]:
    """Return the lines of the user's authorized_keys: those in the build file first."""
    texts = tuple(each.line for each in user.ssh_authorized_keys if isinstance(each, KeyText))
    numbers = {file: number for number, file in enumerate(key_files(request.user))}
    files = (each for each in user.ssh_authorized_keys if isinstance(each, KeyFile))
    return (*texts, *(line for file in files for line in _lines_of(user, file, Path(request.keys, str(numbers[file])))))


def _lines_of(user: User, file: KeyFile, place: Path) -> list[str]:
    """Return the keys in a file, without comments and empty lines."""
    data = Root(place.parent).read(place.name)
    if data is None:
        raise ImagerError(f"user {user.name}: {file} is a directory or a special file: name the file with the keys")
    found = []
    for number, text in enumerate(lines(data.decode(errors="backslashreplace")), 1):
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        try:
            found.append(ssh_key(text))
        except ValueError as error:
            raise ImagerError(f"user {user.name}: {file}, line {number}: {error}") from None
    if not found:
        raise ImagerError(f"user {user.name}: {file} has no public key in it")
    return found


def _add_group(accounts: Accounts, group: Group) -> None:
    old = accounts.group.get(group.name)
    if old is not None:
        if group.gid is not None and old[2] != str(group.gid):
            raise ImagerError(f"group {group.name} exists with the number {old[2]}, not {group.gid}")
        return
    owner = next((row[0] for row in accounts.group.rows if len(row) > 2 and row[2] == str(group.gid)), None)
    if owner is not None:
        raise ImagerError(f"group {group.name}: the number {group.gid} belongs to the group {owner}")
    free = _number(accounts.free_gid(system=group.system)) if group.gid is None else group.gid
    accounts.add_group(group.name, free)


def _tell_new_groups(accounts: Accounts, user: User) -> None:
    """Say in the log which groups of `user` are made for it: most of these exist, and one may be misspelt."""
    known = [row[0] for row in accounts.group.rows if len(row) > 2]
    for name in dict.fromkeys((*((user.group,) if user.group else ()), *user.groups)):
        if name not in (*known, user.name):
            near = get_close_matches(name, known, n=1)
            hint = f": did you mean {near[0]}?" if near else ""
            text = f"imager: user {user.name}: the system has no group {name}, so a new one is made{hint}"
            terminal.tell(text, error=True)


def _account(accounts: Accounts, root: Root, user: User, request: Users) -> None:
    old = accounts.passwd.get(user.name)
    row = list(old) if old else _new_row(accounts, root, user)
    if old and user.uid is not None and row[2] != str(user.uid):
        raise ImagerError(f"user {user.name} exists with the number {row[2]}, not {user.uid}")
    row[4] = row[4] if user.comment is None else user.comment
    row[5] = user.home or row[5]
    row[6] = user.shell or row[6]
    if old is None or user.password is not None:
        password = _password(user, request)
        # A last change on day 0 would mean: must be changed at the next login.
        day = max(1, request.epoch // 86_400)
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


def _password(user: User, request: Users) -> str:
    match user.password:
        case HashText(hash=text):
            return text
        case HashSecret(secret=name):
            return (Root(Path(request.hashes)).read(name) or b"").decode()
        case None:
            return _NO_PASSWORD


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


def _home(accounts: Accounts, root: Root, user: User, keys: tuple[str, ...], epoch: int) -> None:
    row = accounts.passwd.get(user.name)
    assert row is not None
    if row[5] == _NO_HOME:
        if keys:
            raise ImagerError(f"user {user.name}: ssh keys need a home directory: set home")
        return
    home, owner = row[5], Owner(int(row[2]), int(row[3]))
    status = root.status(home)
    if status is not None and not stat.S_ISDIR(status.st_mode):
        raise ImagerError(f"user {user.name}: the home {home} is not a directory")
    if status is None:
        make_directory(root, home, mode=0o700, owner=owner, epoch=epoch)
        copy_tree(root, "etc/skel", home, owner, epoch)
    if keys:
        _write_keys(root, f"{home}/.ssh", owner, keys, epoch)


def _write_keys(root: Root, directory: str, owner: Owner, keys: tuple[str, ...], epoch: int) -> None:
    path = f"{directory}/authorized_keys"
    make_directory(root, directory, mode=0o700, owner=owner, epoch=epoch)
    # A link there may lead to the keys of somebody else.
    found = lines(read(root, path)) if root.target(path) is None else []
    found += [key for key in dict.fromkeys(keys) if key not in found]
    data = "".join(f"{line}\n" for line in found).encode(errors="surrogateescape")
    write_file(root, path, data, mode=0o600, owner=owner, epoch=epoch)
