"""Remove terminal control sequences from text that arrives in pieces (ECMA-48, and xterm's string commands)."""

from __future__ import annotations

import re

_COMPLETE = re.compile(
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # OSC, DCS and other strings, to BEL or ST; they never contain a newline
    r"|[ -/]*[0-OQ-WYZ\\`-~]"  # character sets, keypad modes, resets
    r")|[\r\x00]"
)
_BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n]*\x1b?|[ -/]*)\Z")


class EscapeFilter:
    """Removes escape sequences, carriage returns and NULs from a stream."""

    def __init__(self) -> None:
        self._begun = ""

    def feed(self, text: str) -> str:
        """Return the readable part of `text`; an incomplete sequence waits for the next piece."""
        clean = _COMPLETE.sub("", self._begun + text)
        begun = _BEGUN.search(clean)
        self._begun = begun[0] if begun else ""
        # Any other ESC does not begin a sequence that we know, so show the text after it.
        return clean.removesuffix(self._begun).replace("\x1b", "")
