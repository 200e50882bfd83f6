"""The one writer of unit files for systemd: every value and every word keeps its meaning (systemd.syntax(7)).

Values come from build files and build arguments, so none may start a second command, name a variable or a specifier,
or swallow the next line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Section = tuple[str, Iterable[tuple[str, str]]]

_PLAIN = re.compile(r"[A-Za-z0-9_/.:=@,+%$-]+")


def unit_file(key: str, *sections: Section) -> str:
    """Return the text of a unit that the key `key` of a build file asks for.

    A section is a name and its assignments. Values are lines as they stand in the file: made by `value`, `words` or
    `command`, or written here by hand.
    """
    parts = [
        f"[{name}]\n" + "".join(f"{variable}={_protected(text)}\n" for variable, text in assignments)
        for name, assignments in sections
    ]
    return f"# By Claylinux, from the key `{key}`.\n" + "\n".join(parts)


def value(text: str) -> str:
    """Return a single value, in which systemd expands specifiers but removes no quotes."""
    return text.replace("%", "%%")


def command(argv: Iterable[str]) -> str:
    """Return a command line: no word is a variable, a specifier, or the `;` before another command."""
    return " ".join(_word(each.replace("$", "$$")) for each in argv)


def variables(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the assignments that set environment variables, in order."""
    return [("Environment", _word(f"{name}={text}")) for name, text in sorted(values.items())]


def unit_name(path: str) -> str:
    """Return a path in the form that systemd uses in unit names (systemd.unit(5), string escaping)."""
    parts = "-".join(_escaped(part) for part in path.split("/") if part)
    return parts.replace(".", "\\x2e", 1) if parts.startswith(".") else parts or "-"


def _word(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\t", "\\t")
    return escaped if _PLAIN.fullmatch(escaped) else f'"{escaped}"'


def _protected(line: str) -> str:
    """Return a line that does not continue on the next one: systemd strips the blank after a last backslash."""
    return f"{line} " if line.endswith("\\") else line


def _escaped(part: str) -> str:
    return "".join(
        char if re.fullmatch(r"[A-Za-z0-9:_.]", char) else "".join(f"\\x{byte:02x}" for byte in char.encode())
        for char in part
    )
