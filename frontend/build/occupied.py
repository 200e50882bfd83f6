"""Paths of `files` at which the system has something of another kind: found before the step that would fail there.

Outside of `plan`, since only the built system tells. BuildKit would copy a file into a directory that has its name, and
tells other failures with paths of the engine.
"""

from __future__ import annotations

import posixpath
from functools import cache
from typing import TYPE_CHECKING

from frontend.config.syntax.diagnostics import Diagnostic
from frontend.plan import places
from frontend.plan.files import is_tree
from spec.files import Directory, Symlink
from spec.values.wording import code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import llb
    from frontend.gateway.client import Client, Ref, Stat
    from frontend.plan.inputs import PlanInputs
    from spec.files import FileEntry


def check_places(client: Client, solve: Callable[[llb.State], Ref], inputs: PlanInputs, system: llb.State) -> None:
    """Raise `UserError` with every path of `files` that cannot be written in `system`."""
    files = {path: entry for path, entry in inputs.spec.files.items() if not is_tree(inputs, entry)}
    if not files:
        return
    ref = solve(system)
    look = cache(lambda path: client.stat_file(ref, path) if ref.id else None)
    problems = [
        Diagnostic(inputs.spec.positions.of("files", path), text)
        for path, entry in files.items()
        for text in _problem(look, path, entry)
    ]
    if problems:
        raise places.user_error(inputs.spec, problems)


def _problem(look: Callable[[str], Stat | None], path: str, entry: FileEntry) -> Iterator[str]:
    found = look(path)
    if found is None:
        above = posixpath.dirname(path)
        while above != "/" and look(above) is None:
            above = posixpath.dirname(above)
        parent = look(above)
        if parent is not None and not parent.is_dir:
            yield f"`files`: {path} cannot be made, because {code(above)} is a file in the system"
    elif isinstance(entry, Directory):
        if not found.is_dir:
            yield f"`files`: {path} cannot become a directory, because it is a file in the system"
    elif found.is_dir and not isinstance(entry, Symlink):
        yield (
            f"`files`: {path} cannot become a file, because it is a directory in the system: name the file in it, "
            f"such as {posixpath.join(path, 'NAME')}"
        )
