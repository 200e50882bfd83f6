"""Start sooner: hand `dataclasses` the methods that it would write and compile at every start.

For each class, `dataclasses` writes the source of `__init__`, `__eq__` and so on while a module is imported, and
compiles it. For our 140 classes that takes as long as all the rest of their modules. `python3 -m frontend.precompiled`
compiles these sources when the image is built. A source that is not known is compiled as ever, so that a change, or
another version of Python, can only cost time.
"""

from __future__ import annotations

import marshal
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from .gateway import lean
from .warmup import NEEDED

with lean.standing_in({"inspect": lean.light_inspect()}):
    import dataclasses

_FILE = Path(__file__).with_name("dataclasses.compiled")


def use(file: Path = _FILE) -> None:
    """Use what was compiled, if anything was. Call this before the first dataclass is made."""
    with suppress(OSError):
        packed: dict[str, bytes] = marshal.loads(file.read_bytes())

        def run(source: str, names: dict[str, Any], results: dict[str, Any]) -> None:
            code = packed.get(source)
            exec(marshal.loads(code) if code else source, names, results)

        _replace_exec(run)


def record(file: Path = _FILE) -> None:
    """Import what a build needs, and keep what `dataclasses` compiles."""
    packed: dict[str, bytes] = {}

    def run(source: str, names: dict[str, Any], results: dict[str, Any]) -> None:
        code = compile(source, "<dataclass>", "exec")
        packed[source] = marshal.dumps(code)
        exec(code, names, results)

    _replace_exec(run)
    for name in ("frontend.app", "frontend.gateway.bridge", *NEEDED):
        import_module(name)
    file.write_bytes(marshal.dumps(packed))


def _replace_exec(run: object) -> None:
    """Let `dataclasses` find `run` where it looks for the built-in `exec`."""
    dataclasses.exec = run  # type: ignore[attr-defined]


if __name__ == "__main__":
    record()
