"""Import libraries without the halves that we never call: a third of the time until the first call.

grpcio imports its asyncio API, and with it asyncio and ssl. protobuf imports its implementation in Python beside the
one in C, and a calendar for its timestamps. hashlib loads OpenSSL beside its own algorithms. dataclasses and grpcio
import inspect, and with it Python's parser. While they are imported, other modules stand in for these: empty ones, or
ones with what is called. Elsewhere, `import asyncio` gives the real module, before and after.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

UNUSED = ("asyncio", "calendar", "grpc.aio", "google.protobuf.internal.python_message")


def load() -> None:
    """Import what talks to the engine."""
    with standing_in({name: ModuleType(name) for name in UNUSED} | {"inspect": light_inspect()}):
        import grpc  # noqa: F401

        from proto import gateway_pb2  # noqa: F401
    with standing_in({"_hashlib": None}):  # hashlib knows what to do without
        import hashlib  # noqa: F401


@contextmanager
def standing_in(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """Let an import find these modules instead of those that are not loaded yet; None: there is no such module."""
    missing = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(missing)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


def light_inspect() -> ModuleType:
    """Return what `dataclasses` needs of `inspect` for documented classes; asked for more, it loads the real one."""
    module = ModuleType("inspect")
    module.get_annotations = lambda owner: dict(vars(owner).get("__annotations__") or {})  # type: ignore[attr-defined]
    module.__getattr__ = lambda name: getattr(import_module("inspect"), name)  # type: ignore[method-assign]
    return module
