"""Start sooner: hand Python, `dataclasses` and `re` what they would look for or compile at every start.

Each start is in a new container, where Python looks for 370 modules in file systems that nobody has read before. For
each class, `dataclasses` writes the source of `__init__`, `__eq__` and so on while a module is imported, and compiles
it: for our classes that takes as long as all the rest of their modules. `re` translates a regular expression into the
code of its machine, in Python: a tenth. One file has all of that; `recording` makes it with the image.

What is not known is found and compiled as ever, so another version of `dataclasses` or `re` can only cost time. Python
has to look for what this module imports itself, so it only uses what Python has loaded at its start.
"""

from __future__ import annotations

import marshal
import os
import sys
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False  # `typing` is not there yet
if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import Any

FILE = os.path.join(os.path.dirname(__file__), "start.compiled")  # noqa: PTH118, PTH120 - pathlib is not there yet
LENGTH = 8
"""Bytes at the start of the file that say how long its index is. The index has places in what comes after it."""


def use(file: str = FILE) -> None:
    """Use what was compiled, if anything was. Call this before anything else is imported."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except OSError:
        return
    size = int.from_bytes(os.read(descriptor, LENGTH), "big")
    sources: dict[str, tuple[int, int]]
    patterns: dict[tuple[object, int], tuple[Any, ...]]
    sources, patterns, modules = marshal.loads(os.read(descriptor, size))

    def code_at(place: tuple[int, int]) -> CodeType:
        start, length = place
        code: CodeType = marshal.loads(os.pread(descriptor, length, LENGTH + size + start))
        return code

    sys.meta_path.insert(0, Recorded(modules, code_at))
    import re

    compiler: Any = re._compiler  # type: ignore[attr-defined]
    compile_pattern = compiler.compile

    def translate(pattern: object, flags: int = 0) -> object:
        known = patterns.get((pattern, flags))
        return compiler._sre.compile(pattern, *known) if known else compile_pattern(pattern, flags)

    compiler.compile = translate
    from .gateway import lean

    with lean.standing_in({"inspect": lean.light_inspect()}):
        import dataclasses

    def run(source: str, names: dict[str, Any], results: dict[str, Any]) -> None:
        place = sources.get(source)
        exec(code_at(place) if place else source, names, results)

    dataclasses.exec = run  # type: ignore[attr-defined]  # found where it looks for the built-in `exec`


class Recorded:
    """Finds modules and runs their code. Of each it has the file, whether it is a package, and where its code is."""

    def __init__(self, modules: dict[str, tuple[str, bool, tuple[int, int]]], code_at: Any) -> None:
        self._modules = modules
        self._code_at = code_at

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        if name not in self._modules:
            return None
        file, is_package, _ = self._modules[name]
        spec = ModuleSpec(name, self, origin=file, is_package=is_package)  # type: ignore[arg-type]
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [file.rpartition("/")[0]]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """See `importlib.abc.Loader`."""

    def exec_module(self, module: ModuleType) -> None:
        """See `importlib.abc.Loader`."""
        exec(self._code_at(self._modules[module.__name__][2]), vars(module))
