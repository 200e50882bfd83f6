"""`# check=skip=RULE,RULE;error=true`: options of the lint, in a comment at the top of a build file.

The syntax is that of a Dockerfile (docs.docker.com, "Parser directives", check).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from spec.positions import Position, Range
from spec.values.wording import code, suggest

from .diagnostics import Diagnostic

INVALID_DIRECTIVE = "InvalidDirective"
"""The id of the rule about the directive itself."""
_CHECK = re.compile(r"#\s*check\s*=(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Directive:
    """The rules to skip, by id, and whether a warning fails the build. `diagnostics` tell what is wrong with it."""

    skip: frozenset[str] = frozenset()
    error: bool = False
    diagnostics: tuple[Diagnostic, ...] = field(default=())


def read_directive(text: bytes, rules: tuple[str, ...]) -> Directive:
    """Return the directive in the comments before the first key. It names `rules` in upper or lower case."""
    found: Directive | None = None
    for number, line in enumerate(text.decode(errors="replace").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            break
        match = _CHECK.fullmatch(line)
        if match is None:
            continue
        place = Range(Position(number, 1), Position(number, len(line) + 1))
        if found is None:
            found = _read(match[1].strip(), place, rules)
        else:
            again = _warning(place, "a file can have only one `# check=` line: combine this line with the first one")
            found = Directive(found.skip, found.error, (*found.diagnostics, again))
    return found or Directive()


def _read(text: str, place: Range, rules: tuple[str, ...]) -> Directive:
    skip: set[str] = set()
    error = False
    wrong: list[str] = []
    for option in text.split(";"):
        key, _, value = (part.strip() for part in option.partition("="))
        if key == "skip":
            names = [name.strip() for name in value.split(",") if name.strip()]
            for name in names:
                known = [rule for rule in rules if name.lower() in (rule.lower(), "all")]
                skip.update(known)
                wrong += [] if known else [_unknown(name, rules)]
        elif key == "error" and value.lower() in ("true", "false"):
            error = value.lower() == "true"
        else:
            wrong.append(
                f"invalid option {code(option.strip())}: the options are `skip=RULE,...` and `error=true` "
                "(for example `# check=skip=UnpinnedUrl,UnusedArg;error=true`)"
            )
    return Directive(frozenset(skip), error, tuple(_warning(place, message) for message in wrong))


def _warning(place: Range, message: str) -> Diagnostic:
    return Diagnostic(place, message, "warning", INVALID_DIRECTIVE)


def _unknown(name: str, rules: tuple[str, ...]) -> str:
    near = suggest(name, rules)
    hint = f"did you mean {code(near)}?" if near else "docs/guide/lint.md lists the rules"
    return f"unknown rule {code(name)}: {hint}"
