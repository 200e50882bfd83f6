"""Paths in the system and in a build context, permission bits, owners."""

from __future__ import annotations

import posixpath
import re
from typing import Annotated

from .kinds import MismatchError, Text
from .types import Owner

_USE_KEY = {"/etc/hosts": "hosts", "/etc/hostname": "hostname", "/etc/resolv.conf": "dns"}
_EMPTY_AT_BOOT = {
    "/proc": "the kernel shows processes there",
    "/sys": "the kernel shows devices there",
    "/dev": "the kernel creates device files there",
    "/run": "it is empty at every boot (services can create files there; see tmpfiles.d(5))",
    "/tmp": "it is empty at every boot",
}
_RESERVED = ("/init", "/.claylinux")
_LARGEST_ID = 0xFFFFFFFE
_GIT_ADDRESS = r"(https?|ssh|git)://[^/\s]+/\S+|[\w.\-]+@[^/:\s]+:\S+"
"""A URL, or ssh's own short form."""


def normal(text: str) -> str:
    """Return an absolute path without `.`, double slashes and a final slash. Raises `MismatchError` for `..`."""
    if ".." in text.split("/"):
        raise MismatchError("it must not contain `..`")
    return posixpath.normpath("/" + text.lstrip("/"))


def _system_path(text: str) -> str:
    path = normal(text)
    if path in _USE_KEY:
        raise ValueError(f"the key `{_USE_KEY[path]}` writes {path}: use that key")
    top = "/" + path.split("/")[1]
    if top in _EMPTY_AT_BOOT:
        raise ValueError(f"a file in {top} would be gone at boot: {_EMPTY_AT_BOOT[top]}")
    if top in _RESERVED:
        raise ValueError(f"Claylinux uses {top} at boot: choose another path")
    return path


def _source_path(text: str) -> str:
    """Return the path relative to the context; `.` is the whole context."""
    if ".." in text.split("/"):
        raise ValueError("a path cannot leave its build context: remove `..`, or pass that directory with "
                         "--build-context NAME=DIRECTORY and write `context: NAME`")  # fmt: skip
    return posixpath.normpath(text.strip("/") or ".")


def _include_path(text: str) -> str:
    if "${" in text:
        raise ValueError("files are included before arguments have values: write the path itself")
    return _source_path(text)


def _git_address(text: str) -> str:
    address, hash_sign, place = text.partition("#")
    if not re.fullmatch(_GIT_ADDRESS, address):
        raise MismatchError
    if re.match(r"https?://[^/]*@", address):
        raise ValueError("the URL contains a user name or token, which the build records would keep: remove it, and "
                         "pass the token with --secret id=GIT_AUTH_TOKEN,env=...")  # fmt: skip
    if hash_sign and not re.fullmatch(r"[^\s:]+(:[^\s:]+)?|:[^\s:]+", place):
        raise MismatchError("after `#`, write a branch, tag or commit, then `:` and a directory if needed, "
                            "as in `#v1.2:site`")  # fmt: skip
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
        raise MismatchError(f"user and group IDs go up to {_LARGEST_ID}")
    return int(text)


USER_NAME_PATTERN = r"[A-Za-z_][A-Za-z0-9_.\-]{0,30}[A-Za-z0-9_.\-$]?"
_OWNER_PART = rf"({USER_NAME_PATTERN}|[0-9]{{1,10}})"

SystemPath = Annotated[
    str,
    Text(
        "a path in the system that starts with `/`",
        ("/etc/motd",),
        pattern=r"/[^\n]*",
        convert=_system_path,
    ),
]
ProgramPath = Annotated[str, Text("a path that starts with `/`", ("/bin/sh",), pattern=r"/[^\n:]*")]
HomePath = Annotated[str, Text("a path that starts with `/`", ("/srv/admin",), pattern=r"/[^\n:]*")]
LinkTarget = Annotated[str, Text("the path that the link points to", ("/usr/share/zoneinfo/UTC",), pattern=r"[^\n]+")]
SourcePath = Annotated[
    str, Text("a path in the build context", ("files/motd",), pattern=r"[^\n]+", convert=_source_path)
]
IncludePath = Annotated[
    str,
    Text("a path in the build context", ("files/motd",), pattern=r"[^\n]+", convert=_include_path, literal=True),
]
GitAddress = Annotated[
    str,
    Text(
        "the URL of a git repository",
        ("https://git.example/site.git#v1.2",),
        pattern=r"\S+",
        convert=_git_address,
    ),
]
Mode = Annotated[
    int,
    Text(
        "permission bits in octal",
        ("0644", "4755"),
        pattern=r"(0o?)?[0-7]{3,4}",
        convert=_mode,
    ),
]
OwnerName = Annotated[
    Owner,
    Text(
        "USER or USER:GROUP, by name or number",
        ("www-data", "1000:1000"),
        pattern=f"{_OWNER_PART}(:{_OWNER_PART})?",
        convert=_owner,
    ),
]
