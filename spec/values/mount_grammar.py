"""What is mounted into a run step, in the grammar of `RUN --mount=` (BuildKit instructions/commands_runmount.go).

Names, aliases and defaults are the Dockerfile's. Two things differ: a target must start with `/`, as there
is no WORKDIR here, and `from` names a build context or an image, as there are no stages.
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from .kinds import Text
from .run_mounts import BindMount, CacheMount, RunMount, SecretMount, SshMount, TmpfsMount
from .sizes import size
from .wording import code, listing, quote, suggest

_LARGEST_ID = 0xFFFFFFFE


def parse_mount(text: str) -> RunMount:
    """Return the mount that `text` says. Raises ValueError with a whole sentence."""
    found = _options(text)
    kind = found.pop("type", "bind")
    if kind not in _MOUNTS:
        near = suggest(kind, _MOUNTS)
        hint = f"did you mean {near}?" if near else f"the types are {listing(_MOUNTS, 'and')}"
        raise ValueError(f"there is no mount type {quote(kind)}: {hint}")
    allowed, make = _MOUNTS[kind]
    for name in found:
        if name not in allowed:
            raise ValueError(f"{code(name)} does not go with type={kind}: its options are {listing(allowed, 'and')}")
    return make({name: _READERS[name](name, value) for name, value in found.items()})


def _options(text: str) -> dict[str, str]:
    """Return the options as written, by their own names; those that need no value have `true`."""
    try:
        fields = next(csv.reader([text], strict=True), [])
    except csv.Error:
        raise ValueError(f"a quote in {quote(text)} is not closed, or stands inside a word") from None
    options: dict[str, str] = {}
    for field in fields:
        written, equals, value = field.strip().partition("=")
        name = _ALIASES.get(written.lower(), written.lower())
        if name != "type" and name not in _READERS:
            near = suggest(name, (*_READERS, *_ALIASES, "type"))
            hint = f"did you mean `{near}`?" if near else "options are `NAME=VALUE` with commas between them"
            raise ValueError(f"there is no mount option {code(written)}: {hint}")
        if not equals and name not in _FLAGS:
            raise ValueError(f"{code(written)} needs a value: write `{written}=...`")
        if name in options:
            raise ValueError(f"{code(name)} is there twice: keep one")
        options[name] = value if equals else "true"
    return options


def _text(name: str, value: str) -> str:
    if not value:
        raise ValueError(f"`{name}=` has no value: write one, or leave it out")
    return value


def _target(name: str, value: str) -> str:
    if not value.startswith("/"):
        raise ValueError(f"the target {quote(value)} must start with `/`")
    path = posixpath.normpath("/" + value.lstrip("/"))
    if path == "/":
        raise ValueError("the target cannot be `/`: that is the system itself")
    return path


def _source(name: str, value: str) -> str:
    if ".." in value.split("/"):
        raise ValueError("`source` has nothing above it: remove `..`, or name another context with `from=NAME`")
    return posixpath.normpath(value.strip("/") or ".")


def _switch(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false", "1", "0"):
        raise ValueError(f"{code(name)} is true or false, not {quote(value)}")
    return value.lower() in ("true", "1")


def _size(name: str, value: str) -> int:
    if value == "0":
        return 0  # no limit, as in a Dockerfile
    try:
        return size(value)
    except ValueError as error:
        raise ValueError(str(error) or f"`size` is a number of bytes such as 64m or 1g, not {quote(value)}") from None


def _mode(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-7]{3,4}", value):
        raise ValueError(f"`mode` is permission bits in octal such as 0600, not {quote(value)}")
    return int(value, 8)


def _number(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", value) or int(value) > _LARGEST_ID:
        raise ValueError(f"{code(name)} is a number from 0 to {_LARGEST_ID}, not {quote(value)}")
    return int(value)


def _sharing(name: str, value: str) -> str:
    if value not in ("shared", "private", "locked"):
        near = suggest(value, ("shared", "private", "locked"))
        hint = f": did you mean {near}?" if near else ""
        raise ValueError(f"`sharing` is shared, private or locked, not {quote(value)}{hint}")
    return value


def _variable(name: str, value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError(f"`env` is the name of a variable such as TOKEN, not {quote(value)}")
    return value


def _needs_target(kind: str, options: Mapping[str, Any]) -> None:
    if "target" not in options:
        raise ValueError(f"a mount of type={kind} needs a place in the system: add `target=/...`")


def _bind(options: dict[str, Any]) -> BindMount:
    _needs_target("bind", options)
    if "readonly" in options and "readwrite" in options:
        raise ValueError("`readonly` and `readwrite` cannot stand together: keep one")
    writable = options.get("readwrite", not options.get("readonly", True))
    return BindMount(
        target=options["target"],
        source=options.get("source", "."),
        origin=options.get("from", ""),
        writable=writable,
    )


def _cache(options: dict[str, Any]) -> CacheMount:
    _needs_target("cache", options)
    if "source" in options and "from" not in options:
        raise ValueError("`source` says where in `from` a new cache starts: add `from=NAME`, or leave it out")
    if "from" in options and (own := options.keys() & {"mode", "uid", "gid"}):
        raise ValueError(f"{code(min(own))} is for an empty cache; this one starts as `from` is: leave one out")
    origin, identifier = options.pop("from", ""), options.pop("id", options["target"])
    return CacheMount(origin=origin, id=identifier, **options)


def _tmpfs(options: dict[str, Any]) -> TmpfsMount:
    _needs_target("tmpfs", options)
    return TmpfsMount(**options)


def _secret(options: dict[str, Any]) -> SecretMount:
    source, identifier = options.pop("source", None), options.pop("id", None)
    target = options.pop("target", None)
    if not (source or identifier or target):
        raise ValueError("a mount of type=secret needs the name that `--secret id=NAME` gives: add `id=NAME`")
    identifier = source or identifier or posixpath.basename(target)
    if target is None and "env" not in options:
        target = f"/run/secrets/{posixpath.basename(identifier)}"
    return SecretMount(id=identifier, target=target, **options)


def _ssh(options: dict[str, Any]) -> SshMount:
    return SshMount(**options)


_ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly", "rw": "readwrite"}
_FLAGS = ("readonly", "readwrite", "required")
_READERS: Mapping[str, Callable[[str, str], object]] = {
    "target": _target,
    "source": _source,
    "from": _text,
    "id": _text,
    "readonly": _switch,
    "readwrite": _switch,
    "sharing": _sharing,
    "size": _size,
    "required": _switch,
    "env": _variable,
    "mode": _mode,
    "uid": _number,
    "gid": _number,
}
_MOUNTS: Mapping[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], RunMount]]] = {
    "bind": (("target", "source", "from", "readonly", "readwrite"), _bind),
    "cache": (("target", "id", "sharing", "readonly", "from", "source", "mode", "uid", "gid"), _cache),
    "tmpfs": (("target", "size"), _tmpfs),
    "secret": (("id", "source", "target", "env", "required", "mode", "uid", "gid"), _secret),
    "ssh": (("id", "target", "required", "mode", "uid", "gid"), _ssh),
}

MountText = Annotated[
    RunMount,
    Text(
        expected="a mount as in `RUN --mount=`, such as type=cache,target=/root/.cache",
        pattern=r"[^\n=]+(=[^\n]*)?",
        convert=parse_mount,
    ),
]

OPTIONS: Mapping[str, tuple[str, ...]] = {kind: options for kind, (options, _) in _MOUNTS.items()}
"""The options of each type of mount."""
