"""The mounts of a run step, in the grammar of `RUN --mount=` (BuildKit instructions/commands_runmount.go).

Names, aliases and defaults are those of a Dockerfile. Two things differ: a target must start with `/`, because there
is no WORKDIR here, and `from` names a build context or an image, because there are no stages.
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from .kinds import MismatchError, Text
from .run_mounts import BindMount, CacheMount, RunMount, SecretMount, SshMount, TmpfsMount
from .sizes import size
from .wording import code, listing, must_be, quote, suggest

_LARGEST_ID = 0xFFFFFFFE
_SHARING = ("shared", "private", "locked")
_TARGET = must_be("a path below `/`", ("/src",))


def parse_mount(text: str) -> RunMount:
    """Return the mount that `text` describes. Raises ValueError with a whole sentence."""
    found = _options(text)
    kind = found.pop("type", "bind")
    if kind not in _MOUNTS:
        near = suggest(kind, _MOUNTS)
        hint = f"did you mean `{near}`?" if near else f"the types are {listing(_MOUNTS, 'and')}"
        raise ValueError(f"unknown mount type {quote(kind)}: {hint}")
    allowed, make = _MOUNTS[kind]
    for name in found:
        if name not in allowed:
            raise ValueError(f"`type={kind}` has no option {code(name)}: its options are {listing(allowed, 'and')}")
    return make({name: _READERS[name](name, value) for name, value in found.items()})


def _options(text: str) -> dict[str, str]:
    """Return the options by their own names, not their aliases; those without a value are `true`."""
    try:
        fields = next(csv.reader([text], strict=True), [])
    except csv.Error:
        raise ValueError(
            f"{quote(text)} has a quote that is not closed, or inside a word: put the quotes around a whole option"
        ) from None
    options: dict[str, str] = {}
    for field in fields:
        written, equals, value = field.strip().partition("=")
        name = _ALIASES.get(written.lower(), written.lower())
        if name != "type" and name not in _READERS:
            near = suggest(name, (*_READERS, *_ALIASES, "type"))
            hint = f"did you mean `{near}`?" if near else "write options as `NAME=VALUE`, separated by commas"
            raise ValueError(f"unknown mount option {code(written)}: {hint}")
        if not equals and name not in _FLAGS:
            raise ValueError(f"{code(written)} needs a value: write `{written}=...`")
        if name in options:
            raise ValueError(f"{code(name)} is set twice: remove one of them")
        options[name] = value if equals else "true"
    return options


def _text(name: str, value: str) -> str:
    if not value:
        raise ValueError(f"`{name}=` has no value: write one, or remove it")
    return value


def _target(name: str, value: str) -> str:
    if not value.startswith("/"):
        raise ValueError(f"{code(name)} {_TARGET}; got {quote(value)}")
    path = posixpath.normpath("/" + value.lstrip("/"))
    if path == "/":
        raise ValueError(f"{code(name)} {_TARGET}; got {quote(value)}, which is the system itself")
    return path


def _source(name: str, value: str) -> str:
    if ".." in value.split("/"):
        raise ValueError("`source` cannot leave its context: remove `..`, or name another context with `from=NAME`")
    return posixpath.normpath(value.strip("/") or ".")


def _switch(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false", "1", "0"):
        raise ValueError(f"{code(name)} {must_be('`true` or `false`')}; got {quote(value)}")
    return value.lower() in ("true", "1")


def _size(name: str, value: str) -> int:
    if value == "0":
        return 0  # no limit, as in a Dockerfile
    try:
        return size(value)
    except MismatchError as error:
        hint = f": {error}" if str(error) else ""
        expected = must_be("a whole number, optionally with the unit k, m, g or t", ("64m", "1g"))
        raise ValueError(f"{code(name)} {expected}; got {quote(value)}{hint}") from None


def _mode(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-7]{3,4}", value):
        raise ValueError(f"{code(name)} {must_be('permission bits in octal', ('0600',))}; got {quote(value)}")
    return int(value, 8)


def _number(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", value) or int(value) > _LARGEST_ID:
        raise ValueError(f"{code(name)} {must_be(f'a whole number from 0 to {_LARGEST_ID}')}; got {quote(value)}")
    return int(value)


def _sharing(name: str, value: str) -> str:
    if value not in _SHARING:
        near = suggest(value, _SHARING)
        hint = f": did you mean `{near}`?" if near else ""
        raise ValueError(f"{code(name)} {must_be(listing(_SHARING))}; got {quote(value)}{hint}")
    return value


def _variable(name: str, value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        expected = must_be("a variable name of letters, digits and `_`", ("TOKEN",))
        raise ValueError(f"{code(name)} {expected}; got {quote(value)}")
    return value


def _needs_target(kind: str, options: Mapping[str, Any]) -> None:
    if "target" not in options:
        raise ValueError(f"a mount of type `{kind}` needs a target (for example `target=/src`)")


def _bind(options: dict[str, Any]) -> BindMount:
    _needs_target("bind", options)
    if "readonly" in options and "readwrite" in options:
        raise ValueError("`readonly` and `readwrite` contradict each other: remove one of them")
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
        raise ValueError("`source` is a path in `from`, which fills a new cache: add `from=NAME`, or remove `source`")
    if "from" in options and (own := options.keys() & {"mode", "uid", "gid"}):
        raise ValueError(
            f"{code(min(own))} is for caches that start empty, and `from` fills this one: remove one of them"
        )
    origin, identifier = options.pop("from", ""), options.pop("id", options["target"])
    return CacheMount(origin=origin, id=identifier, **options)


def _tmpfs(options: dict[str, Any]) -> TmpfsMount:
    _needs_target("tmpfs", options)
    return TmpfsMount(**options)


def _secret(options: dict[str, Any]) -> SecretMount:
    source, identifier = options.pop("source", None), options.pop("id", None)
    target = options.pop("target", None)
    if not (source or identifier or target):
        raise ValueError("a mount of type `secret` needs the ID of a `--secret id=ID` (for example `id=token`)")
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
        "a mount as in `RUN --mount=`",
        ("type=cache,target=/root/.cache",),
        pattern=r"[^\n=]+(=[^\n]*)?",
        convert=parse_mount,
    ),
]

OPTIONS: Mapping[str, tuple[str, ...]] = {kind: options for kind, (options, _) in _MOUNTS.items()}
"""The options of each type of mount."""
