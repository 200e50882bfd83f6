"""Programs that the system runs: their arguments and variables."""

from __future__ import annotations

import shlex
from typing import Annotated

from .kinds import MismatchError, Text


def _command_line(text: str) -> tuple[str, ...]:
    """Return the words of a command. Quotes work as in a shell; nothing else of a shell does."""
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        raise MismatchError("close the quote") from None
    if not words or not words[0].startswith("/"):
        raise MismatchError("the program needs its full path")
    operators = [word for word in words[1:] if word in ("|", "||", "&&", ";", "&", ">", ">>", "<", "2>&1")]
    if operators:
        raise ValueError(f"no shell runs this, so `{operators[0]}` would be an argument: write `/bin/sh -c '...'`")
    return words


CommandLine = Annotated[
    tuple[str, ...],
    Text(
        "a program with its arguments",
        ("/usr/local/bin/agent --stdio",),
        pattern=r"[^\n\r]*\S[^\n\r]*",
        convert=_command_line,
        also="\t",
    ),
]
Line = Annotated[str, Text("text on one line", pattern=r"[^\n\r]*", also="\t")]
