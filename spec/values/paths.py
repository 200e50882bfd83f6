"""Paths in the system and in a build context, permission bits, owners."""

from __future__ import annotations

import posixpath
import re
from typing import Annotated

from .kinds import Text
from .types import Owner
from .wording import quote

_USE_KEY = {"/etc/hosts": "hosts", "/etc/hostname": "hostname", "/etc/resolv.conf": "dns"}
_EMPTY_AT_BOOT = {
    "/proc": "the kernel shows processes there",
    "/sys": "the kernel shows devices there",
    "/dev": "device files are made there at boot",
    "/run": "it is empty at every boot (a service can make files there, see tmpfiles.d)",
    "/tmp": "it is empty at every boot",
}
_RESERVED = ("/init", "/.claylinux")
_LARGEST_ID = 0xFFFFFFFE
_GIT_ADDRESS = r"(https?|ssh|git)://[^/\s]+/\S+|[\w.\-]+@[^/:\s]+:\S+"
"""A URL, or ssh's own short form."""


def _system_path(text: str) -> str:
    """Return the path without `.`, doubled and final slashes."""
    if ".." in text.split("/"):
        raise ValueError("a path in the system must not have `..` in it")
    path = posixpath.normpath("/" + text.lstrip("/"))
    if path in _USE_KEY:
        raise ValueError(f"{path} is written by the key `{_USE_KEY[path]}`: use that")
    top = "/" + path.split("/")[1]
    if top in _EMPTY_AT_BOOT:
        raise ValueError(f"a file below {top} would not be there: {_EMPTY_AT_BOOT[top]}")
    if top in _RESERVED:
        raise ValueError(f"{top} is Claylinux's own at boot: choose another path")
    return path


def _source_path(text: str) -> str:
    """Return the path relative to the context; `.` is the whole context."""
    if ".." in text.split("/"):
        raise ValueError("a build context has nothing above it: remove `..`, or give that folder with "
                         "--build-context NAME=FOLDER and write `context: NAME`")  # fmt: skip
    return posixpath.normpath(text.strip("/") or ".")


def _git_address(text: str) -> str:
    address, hash_sign, place = text.partition("#")
    if not re.fullmatch(_GIT_ADDRESS, address):
        raise ValueError(
            f"expected the address of a git repository, such as https://git.example/site.git#v1.2, not {quote(text)}"
        )
    if re.match(r"https?://[^/]*@", address):
        raise ValueError("a name or token in the address would be kept in the build's records: remove it, and give "
                         "the token with --secret id=GIT_AUTH_TOKEN,env=...")  # fmt: skip
    if hash_sign and not re.fullmatch(r"[^\s:]+(:[^\s:]+)?|:[^\s:]+", place):
        raise ValueError("after `#` comes a branch, tag or commit, and a folder after another `:`, such as #v1.2:site")
    return text


def _mode(text: str) -> int:
    return int(text.removeprefix("0o"), 8)


def _owner(text: str) -> Owner:
    user, _, group = text.partition(":")
    return Owner(user=_account(user), group=_account(group) if group else None)


def _account(text: str) -> str | int:
    if not re.fullmatch(r"[0-9]+", text):
        return text
    if int(text) > _LARGEST_ID:
        raise ValueError(f"{text} is too large: user and group numbers go up to {_LARGEST_ID}")
    return int(text)


USER_NAME_PATTERN = r"[A-Za-z_][A-Za-z0-9_.\-]{0,30}[A-Za-z0-9_.\-$]?"
_OWNER_PART = rf"({USER_NAME_PATTERN}|[0-9]{{1,10}})"

SystemPath = Annotated[
    str,
    Text(
        expected="a path in the system that starts with `/`, such as /etc/motd",
        pattern=r"/[^\n]*",
        convert=_system_path,
    ),
]
ProgramPath = Annotated[str, Text(expected="a path that starts with `/`, such as /bin/sh", pattern=r"/[^\n:]*")]
HomePath = Annotated[str, Text(expected="a path that starts with `/`, such as /srv/admin", pattern=r"/[^\n:]*")]
LinkTarget = Annotated[str, Text(expected="a path to point at, such as /usr/share/zoneinfo/UTC", pattern=r"[^\n]+")]
SourcePath = Annotated[
    str, Text(expected="a path in the build context, such as files/motd", pattern=r"[^\n]+", convert=_source_path)
]
GitAddress = Annotated[
    str,
    Text(
        expected="the address of a git repository, such as https://git.example/site.git#v1.2",
        pattern=r"\S+",
        convert=_git_address,
    ),
]
Mode = Annotated[
    int,
    Text(
        expected='permission bits in octal, such as "0644" or "4755"',
        pattern=r"(0o?)?[0-7]{3,4}",
        convert=_mode,
    ),
]
OwnerName = Annotated[
    Owner,
    Text(
        expected="USER or USER:GROUP, names or numbers, such as www-data or 1000:1000",
        pattern=f"{_OWNER_PART}(:{_OWNER_PART})?",
        convert=_owner,
    ),
]
