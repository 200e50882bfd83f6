"""Write the file that `precompiled` reads: `python3 -m frontend.recording` when the image is built.

It imports what a build imports, with the modules where they will be. It imports little itself, as regular expressions
compiled before it starts are not recorded.
"""

from __future__ import annotations

import marshal
import re
import sys
from importlib import import_module
from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING, Any

from . import precompiled
from .warmup import NEEDED

if TYPE_CHECKING:
    from types import CodeType

_compiler: Any = re._compiler  # type: ignore[attr-defined]
_ENTRY = ("frontend.gateway.transport", "frontend.app", "frontend.gateway.bridge")
"""What `__main__` imports."""


class _Pieces:
    """Code, one piece after the other."""

    def __init__(self) -> None:
        self.data = bytearray()

    def add(self, code: CodeType) -> tuple[int, int]:
        """Return where it is."""
        piece = marshal.dumps(code)
        start = len(self.data)
        self.data += piece
        return start, len(piece)


def record(file: str = precompiled.FILE) -> None:
    """Import what a build needs, and keep what is compiled."""
    pieces = _Pieces()
    sources: dict[str, tuple[int, int]] = {}
    patterns: dict[tuple[object, int], tuple[Any, ...]] = {}
    compile_pattern = _compiler.compile

    def run(source: str, names: dict[str, Any], results: dict[str, Any]) -> None:
        code = compile(source, "<dataclass>", "exec")
        sources[source] = pieces.add(code)
        exec(code, names, results)

    def translate(pattern: Any, flags: int = 0) -> object:
        made: re.Pattern[Any] = compile_pattern(pattern, flags)
        code = _compiler._code(re._parser.parse(pattern, flags), flags)  # type: ignore[attr-defined]
        names = {number: name for name, number in made.groupindex.items()}
        in_order = tuple(names.get(number) for number in range(made.groups + 1))
        patterns[pattern, flags] = made.flags, [*map(int, code)], made.groups, dict(made.groupindex), in_order
        return made

    _compiler.compile = translate
    import dataclasses

    dataclasses.exec = run  # type: ignore[attr-defined]
    for name in (*_ENTRY, *NEEDED):
        import_module(name)
    index = marshal.dumps((sources, patterns, _modules(pieces)))
    with open(file, "wb") as written:  # noqa: PTH123 - pathlib has regular expressions
        written.write(len(index).to_bytes(precompiled.LENGTH, "big") + index + pieces.data)


def _modules(pieces: _Pieces) -> dict[str, tuple[str, bool, tuple[int, int]]]:
    """Return what `Recorded` needs of all modules in memory that were read from a file with source."""
    found: dict[str, tuple[str, bool, tuple[int, int]]] = {}
    for name, module in sorted(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        loader = getattr(spec, "loader", None)
        if spec and spec.name == name and spec.origin and isinstance(loader, SourceFileLoader) and name != "__main__":
            # Not the compiled file that is there: this process may leave out more, such as columns for tracebacks.
            code = loader.source_to_code(loader.get_data(spec.origin), spec.origin)
            found[name] = spec.origin, spec.submodule_search_locations is not None, pieces.add(code)
    return found


if __name__ == "__main__":
    record()
