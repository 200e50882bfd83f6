"""The bytes of a build file as text, or the one reason why they cannot be read."""

from __future__ import annotations

import codecs
import re

from spec.positions import START, Position, Range

from .diagnostics import Collector

SIZE_LIMIT = 1 << 20
"""Bytes. A build file is written by people; what is larger belongs into files of the build context."""
_ODD = (
    r"\r(?!\n)|[\u2028\u2029]|"
    "[^\\t\\n\\r\\x20-\\x7e\\xa0-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\U00010000-\U0010ffff]"
)
"""What editors do not show, and what they and YAML do not agree on: line ends that are none."""


def read_text(data: bytes, problems: Collector) -> str | None:
    """Return the text of `data`, or None after telling why there is none."""
    if len(data) > SIZE_LIMIT:
        problems.add(
            START,
            f"this file has {len(data):,} bytes, and a build file at most {SIZE_LIMIT:,}: "
            "put large content into files of the build context and name them with `source:`",
        )
        return None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        problems.add(START, "this file is UTF-16: save it as UTF-8")
        return None
    if data.startswith(codecs.BOM_UTF8):
        problems.add(START, "this file starts with a byte order mark (BOM): save it as UTF-8 without BOM")
        return None
    if b"\0" in data:
        problems.add(START, "this is a binary file: a build file is YAML text; is the name given with -f right?")
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        problems.add(_place(before, len(before)), "these bytes are not UTF-8: save the file as UTF-8")
        return None
    if text.replace("\r\n", "").replace("\n", "").replace("\t", "").isprintable():
        return text  # without a regular expression: nearly every file
    odd = re.search(_ODD, text)
    if odd is not None:
        problems.add(_place(text, odd.start()), _odd_words(odd[0]))
        return None
    return text


def _place(text: str, index: int) -> Range:
    line = text.count("\n", 0, index) + 1
    column = index - (text.rfind("\n", 0, index) + 1) + 1
    return Range(Position(line, column), Position(line, column + 1))


def _odd_words(found: str) -> str:
    if found == "\r":
        return "a line ends here with a carriage return alone: save the file with line ends as on Linux (LF)"
    escape = f"\\u{ord(found):04X}"
    return f'there is an invisible character (U+{ord(found):04X}) here: remove it, or write "{escape}" in double quotes'
