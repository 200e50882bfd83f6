"""Small changes of shell scripts that their tests should notice: another test, number or result, a line that is gone.

Left alone are comments, and lines that only tell people something.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.mutants import Mutant

_TOLD = re.compile(r"\s*(?:#|$)|\s*(?:problem|note|say) \"")
_MESSAGE = re.compile(r"\b(?:problem|note|say) \"[^\"]*\"")
_COMMENT = re.compile(r"(?:^|\s)#(?![!{]).*")
_RULES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("comparison", r" -lt ", (" -le ", " -ge ")),
    ("comparison", r" -le ", (" -lt ", " -gt ")),
    ("comparison", r" -gt ", (" -ge ", " -le ")),
    ("comparison", r" -ge ", (" -gt ", " -lt ")),
    ("comparison", r" -eq ", (" -ne ",)),
    ("comparison", r" -ne ", (" -eq ",)),
    ("comparison", r"(?<=[\w\"}\])]) = (?=[\w\"$])", (" != ",)),
    ("comparison", r"(?<=[\w\"}\])]) == (?=[\w\"$])", (" != ",)),
    ("comparison", r" != ", (" = ",)),
    ("comparison", r"(?<=\[) -z ", (" -n ",)),
    ("comparison", r"(?<=\[) -n ", (" -z ",)),
    ("condition", r"(?<=\[) (?=-[defLrswx] )", (" ! ",)),
    ("condition", r"(?<![\[\w]) ! (?=\w)", (" ",)),
    ("condition", r"\bif (?=\[|\w)", ("if ! ",)),
    ("condition", r"\bwhile (?=\[)", ("while ! ",)),
    ("boolean", r" && ", (" || ",)),
    ("boolean", r" \|\| ", (" && ",)),
    ("constant", r"(?<!return )(?<!exit )(?<![\w.$%/\\{&-])[1-9][0-9]*(?![\w./>-])", ("more", "less")),
    ("return", r"\breturn 1\b", ("return 0",)),
    ("return", r"\breturn 0\b", ("return 1",)),
    ("return", r"\bexit [1-9]\b", ("exit 0",)),
)
_COMMAND = re.compile(
    r"(\s*)(?!(?:if|then|else|elif|fi|while|until|do|done|case|esac|for|local|END|BEGIN)\b)[a-z]\w+ [^'({]*$"
)
_UNFINISHED = ("\\", "|", "&&", "||", "then", "do", "{", ";;", "(", "'")


@dataclass(frozen=True)
class ShellChange:
    """A place in a script, and what may be there instead."""

    kind: str
    line: int
    start: int
    end: int
    text: str

    def apply(self, script: str) -> Mutant:
        """Return the script with the change."""
        lines = script.split("\n")
        before = lines[self.line]
        lines[self.line] = before[: self.start] + self.text + before[self.end :]
        place = range(self.line + 1, self.line + 2)
        return Mutant(self.kind, self.line + 1, place, before.strip(), lines[self.line].strip(), "\n".join(lines))


def changes(script: str) -> list[ShellChange]:
    """Return all changes of a script, line by line."""
    return list(_changes(script))


def _changes(script: str) -> Iterator[ShellChange]:
    last = ""
    for number, whole in enumerate(script.split("\n")):
        if _TOLD.match(whole):
            continue
        line = _MESSAGE.sub(lambda found: "_" * len(found[0]), _COMMENT.sub("", whole))
        for kind, pattern, others in _RULES:
            for found in re.finditer(pattern, line):
                for other in others:
                    yield ShellChange(kind, number, *found.span(), _number(found[0], other))
        command = _COMMAND.fullmatch(line)
        if command and not line.rstrip().endswith(_UNFINISHED) and not last.rstrip().endswith(("\\", "|", "'")):
            yield ShellChange("removed", number, len(command[1]), len(line), ":")
        last = line


def _number(found: str, other: str) -> str:
    return str(int(found) + (1 if other == "more" else -1)) if other in ("more", "less") else other
