"""Terminal control taken out of text that arrives in pieces (ECMA-48, and the string commands of xterm)."""

from __future__ import annotations

import re

_COMPLETE = re.compile(
    r"\x1b(?:"
    r"\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # OSC, DCS and other strings, to BEL or ST; they stay on one line
    r"|[ -/]*[0-OQ-WYZ\\`-~]"  # character sets, keypad modes, resets
    r")|[\r\x00]"
)
_BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n]*\x1b?|[ -/]*)\Z")


class EscapeFilter:
    """Takes escape sequences, carriage returns and NULs out of a stream."""

    def __init__(self) -> None:
        self._begun = ""

    def feed(self, text: str) -> str:
        """Return what can be read of `text`; a sequence that is not whole waits for the next piece."""
        clean = _COMPLETE.sub("", self._begun + text)
        begun = _BEGUN.search(clean)
        self._begun = begun[0] if begun else ""
        # An ESC that is still here begins nothing that we know: what follows it is shown.
        return clean.removesuffix(self._begun).replace("\x1b", "")
