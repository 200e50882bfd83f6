"""Start sooner: hand Python, `dataclasses` and `re` what they would look for or compile at every start.

Each start is in a new container, where Python looks for 370 modules in file systems that nobody has read before. One
file with the code of all saves a fifth of the time of all imports. For each class, `dataclasses` writes the source of
`__init__`, `__eq__` and so on while a module is imported, and compiles it: for our classes that takes as long as all
the rest of their modules. `re` translates a regular expression into the code of its machine, in Python: a tenth.

`python3 -m frontend.precompiled` does all that when the image is built, with the modules where they will be. What is
not known is found and compiled as ever, so another version of `dataclasses` or `re` can only cost time.
"""

from __future__ import annotations

import marshal
import re
import sys
from contextlib import suppress
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .gateway import lean
from .warmup import NEEDED

with lean.standing_in({"inspect": lean.light_inspect()}):
    import dataclasses

if TYPE_CHECKING:
    from types import ModuleType

_FILE = Path(__file__).with_name("start.compiled")
_compiler: Any = re._compiler  # type: ignore[attr-defined]


def use(file: Path = _FILE) -> None:
    """Use what was compiled, if anything was. Call this before the first dataclass is made."""
    with suppress(OSError):
        sources: dict[str, bytes]
        patterns: dict[tuple[object, int], tuple[Any, ...]]
        modules: dict[str, tuple[str, bool, bytes]]
        sources, patterns, modules = marshal.loads(file.read_bytes())
        compile_pattern = _compiler.compile

        def run(source: str, names: dict[str, Any], results: dict[str, Any]) -> None:
            code = sources.get(source)
            exec(marshal.loads(code) if code else source, names, results)

        def translate(pattern: object, flags: int = 0) -> object:
            known = patterns.get((pattern, flags))
            return _compiler._sre.compile(pattern, *known) if known else compile_pattern(pattern, flags)

        _replace(run, translate)
        sys.meta_path.insert(0, Recorded(modules))


def record(file: Path = _FILE) -> None:
    """Import what a build needs, and keep what is compiled."""
    sources: dict[str, bytes] = {}
    patterns: dict[tuple[object, int], tuple[Any, ...]] = {}
    compile_pattern = _compiler.compile

    def run(source: str, names: dict[str, Any], results: dict[str, Any]) -> None:
        code = compile(source, "<dataclass>", "exec")
        sources[source] = marshal.dumps(code)
        exec(code, names, results)

    def translate(pattern: Any, flags: int = 0) -> object:
        made: re.Pattern[Any] = compile_pattern(pattern, flags)
        code = _compiler._code(re._parser.parse(pattern, flags), flags)  # type: ignore[attr-defined]
        names = {number: name for name, number in made.groupindex.items()}
        in_order = tuple(names.get(number) for number in range(made.groups + 1))
        patterns[pattern, flags] = made.flags, [*map(int, code)], made.groups, dict(made.groupindex), in_order
        return made

    _replace(run, translate)
    for name in ("frontend.app", "frontend.gateway.bridge", *NEEDED):
        import_module(name)
    file.write_bytes(marshal.dumps((sources, patterns, _modules())))


class Recorded:
    """Finds modules and runs their code. It has the file of each module, whether that is a package, and the code."""

    def __init__(self, modules: dict[str, tuple[str, bool, bytes]]) -> None:
        self._modules = modules

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
        exec(marshal.loads(self._modules[module.__name__][2]), vars(module))


def _modules() -> dict[str, tuple[str, bool, bytes]]:
    """Return what `Recorded` needs of all modules in memory that were read from a file with source."""
    found: dict[str, tuple[str, bool, bytes]] = {}
    for name, module in sorted(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        loader = getattr(spec, "loader", None)
        if spec and spec.name == name and spec.origin and isinstance(loader, SourceFileLoader) and name != "__main__":
            code = marshal.dumps(loader.get_code(name))
            found[name] = spec.origin, spec.submodule_search_locations is not None, code
    return found


def _replace(run: object, translate: object) -> None:
    """Let `dataclasses` find `run` where it looks for the built-in `exec`, and `re` its own translator."""
    dataclasses.exec = run  # type: ignore[attr-defined]
    _compiler.compile = translate


if __name__ == "__main__":
    record()
