"""From text to spec."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import MappingProxyType

from frontend.config.decode.arguments import Arguments, variables_of
from frontend.config.decode.decoder import decode
from frontend.config.decode.include import Reader, with_includes
from frontend.config.decode.profiles import apply_profiles, split_profiles, with_other_profiles
from frontend.config.decode.scripts import mentioned
from frontend.config.decode.shapes import object_shape
from frontend.config.rules.validate import validate
from frontend.config.syntax.diagnostics import LIMIT, Collector, ConfigError, Diagnostic, TooManyProblemsError
from frontend.config.syntax.nodes import Mapping, Node, Scalar, Sequence
from frontend.config.syntax.parse import parse
from frontend.config.syntax.text import read_text
from spec.document import Spec
from spec.positions import START
from spec.values.wording import code

_NONE = Arguments()
_MAPPING = "a build file must be a mapping (for example `base: debian`)"


def load(text: bytes, filename: str, arguments: Arguments = _NONE, read: Reader | None = None) -> Spec:
    """Return the spec of the build file `text`. Raises `ConfigError` with all its problems, in file order.

    `arguments` replace each `${...}`. `read` returns the files that it includes.
    """
    spec, found = _load(text, arguments, read)
    if found or spec is None:
        raise ConfigError(filename, found)
    return spec


def load_outline(
    text: bytes, filename: str, arguments: Arguments = _NONE, read: Reader | None = None
) -> tuple[Spec, MappingOf[str, str]]:
    """Return what is known of a build file before its `${V:?...}` have values, and the messages of those arguments.

    Values that refer to them are missing. Raises `ConfigError` for all other problems.
    """
    spec, found = _load(text, arguments, read)
    wrong = tuple(each for each in found if not each.argument)
    if wrong or spec is None:
        raise ConfigError(filename, wrong or found)
    parts = ((each.argument, each.message.partition(f"the argument {code(each.argument)}: ")) for each in found)
    return spec, {argument: told for argument, (_, _, told) in reversed([*parts])}


def _load(text: bytes, arguments: Arguments, read: Reader | None) -> tuple[Spec | None, tuple[Diagnostic, ...]]:
    """Return the spec as far as it can be read, and all problems in file order."""
    problems = Collector()
    spec: Spec | None = None
    with _without_gc(), suppress(TooManyProblemsError):
        spec = _read(text, arguments, read, problems)
    found = problems.sorted()
    if len(found) >= LIMIT:
        found = (*found, Diagnostic(found[-1].range, f"stopped after {LIMIT} problems: there may be more"))
    return spec, found


@contextmanager
def _without_gc() -> Iterator[None]:
    """A growing tree of nodes has no cycles. Searching it for cycles would take as long as reading the file."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(data: bytes, arguments: Arguments, read: Reader | None, problems: Collector) -> Spec | None:
    text = read_text(data, problems)
    root = None if text is None else parse(text, problems)
    if text is None or root is None:
        return None
    complaint = _root_complaint(root)
    if complaint or not isinstance(root, Mapping):
        # The parser places a missing value after the last line.
        problems.add(START if isinstance(root, Scalar) and root.is_null else root.range, complaint or "")
        return None
    shape = object_shape(Spec)
    root, incomplete = with_includes(root, shape, read, problems)
    root, profiles = split_profiles(root, shape, problems)
    chosen = apply_profiles(root, profiles, arguments.profiles, shape, problems)
    spec = _spec(chosen, arguments, problems, incomplete=incomplete)
    used = set(spec.used_arguments) if spec else set()
    for other in with_other_profiles(root, profiles, arguments.profiles, shape):
        found = _spec(other, arguments, problems, provisional=True, incomplete=incomplete)
        used |= found.used_arguments if found else set()
    return replace(spec, used_arguments=frozenset(used)) if spec else None


def _spec(
    root: Mapping, arguments: Arguments, problems: Collector, *, provisional: bool = False, incomplete: bool = False
) -> Spec | None:
    """Return the spec of a tree. `provisional`: a build would use other arguments. `incomplete`: see `Included`."""
    variables = variables_of(root, arguments, problems, provisional=provisional, incomplete=incomplete)
    decoded, positions = decode(root, object_shape(Spec), problems, variables, incomplete=incomplete)
    if decoded is None:
        return None
    used = variables.used.union(*(mentioned(step.script, variables.values) for step in decoded.run))
    spec: Spec = replace(
        decoded,
        positions=positions,
        arguments=MappingProxyType(dict(variables.values)),
        used_arguments=frozenset(used),
        undeclared_arguments=arguments.undeclared(variables.values),
    )
    if not variables.excused and not incomplete:
        validate(spec, problems)
    return spec


def _root_complaint(root: Node) -> str | None:
    match root:
        case Scalar() if root.is_null:
            return "the build file is empty: add at least a base (for example `base: debian`)"
        case Scalar() if root.text.startswith(("FROM ", "ARG ")):
            return "this looks like a Dockerfile: remove its `# syntax=` line, or name the build file with -f FILE"
        case Scalar():
            return f"{_MAPPING}; got text without a key"
        case Sequence():
            return f"{_MAPPING}; got a list"
        case _:
            return None
