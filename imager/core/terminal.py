"""What a person reads on a terminal, or in the log of a build: nothing in it is an instruction for the terminal.

Names and texts come from whoever made the system. A line feed in one would start a line of its own, which some
build services take for a command, and escape sequences would hide what stands before them.
"""

from __future__ import annotations

import sys


def printable(text: str) -> str:
    """Return one line of `text` in which control, format and separator characters are written as escapes."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def tell(text: str, *, error: bool = False) -> None:
    """Print one line, on standard error if it is about an `error`."""
    print(printable(text), file=sys.stderr if error else sys.stdout)
