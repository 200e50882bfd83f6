"""Imports ahead of time: while the first calls wait for the engine, a thread loads what the build will need."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from threading import Thread

_NEEDED = (
    "frontend.context",
    "frontend.options",
    "frontend.config",
    "frontend.config.rules.lint",
    "frontend.result",
    "frontend.resolve.base",
    "frontend.resolve.files",
    "frontend.plan.system",
    "frontend.build.platform",
    "frontend.build.packing",
    "frontend.plan.outputs",
    "frontend.plan.image",
    "frontend.plan.report",
)
"""In the order in which `frontend.app` asks for them. What is missing here is only loaded later."""


def start() -> None:
    """Begin to import. Whoever needs a module that is on its way waits for it (importlib has locks for that)."""
    Thread(target=_import, daemon=True).start()


def _import() -> None:
    with suppress(Exception):  # told where the module is needed
        for name in _NEEDED:
            import_module(name)
