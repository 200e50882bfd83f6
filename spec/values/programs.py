"""Programs that the system runs: their words and variables."""

from __future__ import annotations

import shlex
from typing import Annotated

from .kinds import Text

_EXPECTED = "a program with its arguments, such as /usr/local/bin/agent --stdio"


def _command_line(text: str) -> tuple[str, ...]:
    """Return the words of a command, quoted as for a shell; nothing else of a shell works here."""
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        raise ValueError("a quote is opened and not closed: close it") from None
    if not words or not words[0].startswith("/"):
        raise ValueError("the program is named by its whole path, such as /usr/local/bin/agent or /bin/sh")
    operators = [word for word in words[1:] if word in ("|", "||", "&&", ";", "&", ">", ">>", "<", "2>&1")]
    if operators:
        raise ValueError(f"no shell reads this, so `{operators[0]}` would be an argument: write /bin/sh -c '...'")
    return words


CommandLine = Annotated[
    tuple[str, ...],
    Text(expected=_EXPECTED, pattern=r"[^\n\r]*\S[^\n\r]*", convert=_command_line, control=True),
]
Line = Annotated[str, Text(expected="a text on one line", pattern=r"[^\n\r]*", control=True)]
