"""Checks shared by several vertices. All raise `LlbError`."""

from __future__ import annotations

import posixpath

from .errors import LlbError


def text(what: str, value: str) -> str:
    """Return `value` if it can be sent: no NUL character and no lone surrogates."""
    if "\0" in value:
        raise LlbError(f"{what} must not contain a NUL character: {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise LlbError(f"{what} must be valid Unicode text: {value!r}") from None
    return value


def absolute(what: str, path: str, *, keep_slash: bool = False) -> str:
    """Return an absolute path in its shortest form; `keep_slash` keeps a trailing `/`, which means "into"."""
    text(what, path)
    if not path.startswith("/"):
        raise LlbError(f"{what} must be an absolute path; got {path!r}")
    clean = "/" + posixpath.normpath(path).lstrip("/")
    if keep_slash and clean != "/" and path.endswith(("/", "/.")):
        clean += "/"
    return clean


def mode(what: str, value: int, limit: int) -> int:
    """Return permission bits that do not exceed `limit`."""
    if not 0 <= value <= limit:
        raise LlbError(f"{what} must be between 0 and {limit:#o}; got {value:#o}")
    return value


def identifier(what: str, value: int) -> int:
    """Return a user or group number."""
    if not 0 <= value < 1 << 32:
        raise LlbError(f"{what} must be between 0 and {(1 << 32) - 1}; got {value}")
    return value


def timestamp(value: int | None) -> int:
    """Return nanoseconds since 1970 as they go on the wire: -1 means "not set", because 0 would mean 1970."""
    if value is None:
        return -1
    if not 0 <= value < 1 << 63:
        raise LlbError(f"a time must be a number of nanoseconds since 1970; got {value}")
    return value


def choice(what: str, value: str, choices: tuple[str, ...]) -> str:
    """Return one of `choices`."""
    if value not in choices:
        raise LlbError(f"{what} must be one of {', '.join(choices)}; got {value!r}")
    return value
