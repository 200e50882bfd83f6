"""From a command to its request, and from a request to the module that performs it.

Both are imported late: a step loads only what it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from imager import request, requests
from imager.core.errors import UsageError
from imager.request import Request

if TYPE_CHECKING:
    from collections.abc import Sequence


def parse(argv: Sequence[str]) -> tuple[Request, ...]:
    """Return the requests of a command line, in order. Raises UsageError."""
    return request.parse(kind_of, argv)


def kind_of(command: str) -> type[Request]:
    """Return the request of a command such as `packing.Layer`. Raises UsageError."""
    module, _, name = command.partition(".")
    if name and f"{module}.{name}" in {kind.command() for kind in _kinds(module)}:
        kind: type[Request] = getattr(import_module(f"imager.requests.{module}"), name)
        return kind
    given = f"unknown command {command!r}" if command else "no command given"
    raise UsageError(f"{given}; the commands are {', '.join(kind.command() for kind in kinds())}")


def kinds() -> tuple[type[Request], ...]:
    """Return every request."""
    from pkgutil import iter_modules  # only for people, and for wrong usage

    return tuple(kind for module in iter_modules(requests.__path__) for kind in _kinds(module.name))


def usage() -> str:
    """Describe all commands and their flags, for people."""
    return request.usage(kinds())


def perform(wanted: Request) -> None:
    """Do what is asked. Raises ImagerError, UsageError or OSError."""
    import_module(f"imager.{wanted.performed_by}").run(wanted)


def _kinds(module: str) -> tuple[type[Request], ...]:
    """Return the requests that one module of `imager.requests` defines; nothing where there is no such module."""
    name = f"imager.requests.{module}"
    try:
        found = vars(import_module(name)).values()
    except ImportError:
        return ()
    return tuple(
        each
        for each in found
        if isinstance(each, type)
        and issubclass(each, Request)
        and each.__module__ == name
        and hasattr(each, "performed_by")
    )
