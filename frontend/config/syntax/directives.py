"""`# check=skip=RULE,RULE;error=true`: what the comments at the top of a build file ask of the lint.

The words are those of a Dockerfile (docs.docker.com, "Parser directives", check).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

from spec.positions import Position, Range
from spec.values.wording import code, suggest

_CHECK = re.compile(r"#\s*check\s*=\s*(.*?)\s*", re.IGNORECASE)


class Complaint(NamedTuple):
    """What is wrong with the directive, and where."""

    range: Range
    message: str


@dataclass(frozen=True, slots=True)
class Directive:
    """What is asked for: ids of rules to leave out, and whether a finding fails the build."""

    skip: frozenset[str] = frozenset()
    error: bool = False
    complaints: tuple[Complaint, ...] = field(default=())


def read_directive(text: bytes, rules: tuple[str, ...]) -> Directive:
    """Return what the comments before the first key say; the ids they name are among `rules`, in any case."""
    found: Directive | None = None
    for number, line in enumerate(text.decode(errors="replace").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            break
        match = _CHECK.fullmatch(line)
        if match is None:
            continue
        place = Range(Position(number, 1), Position(number, len(line) + 1))
        if found is None:
            found = _read(match[1], place, rules)
        else:
            again = Complaint(place, "a file has one `# check=` line: join this one with the first")
            found = Directive(found.skip, found.error, (*found.complaints, again))
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
            wrong.append(f"{code(option.strip())} is not known here: write `# check=skip=RULE,RULE;error=true`")
    return Directive(frozenset(skip), error, tuple(Complaint(place, message) for message in wrong))


def _unknown(name: str, rules: tuple[str, ...]) -> str:
    near = suggest(name, rules)
    hint = f"did you mean {code(near)}?" if near else "the rules are in docs/guide/lint.md"
    return f"there is no rule {code(name)}: {hint}"
