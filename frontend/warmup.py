"""Imports ahead of time: while the first calls wait for the engine, a thread loads modules for the build."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from threading import Thread

NEEDED = (
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
    "frontend.plan.secure_boot",
    "frontend.plan.image",
    "frontend.plan.bootable",
)
"""In the order in which `frontend.app` imports them. A module that is missing here is loaded later."""


def start() -> None:
    """Start to import. An import of a module that is still loading waits for it: importlib has locks for that."""
    Thread(target=_import, daemon=True).start()


def _import() -> None:
    with suppress(Exception):  # It fails again where the module is needed.
        for name in NEEDED:
            import_module(name)
