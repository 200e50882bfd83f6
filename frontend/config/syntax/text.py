"""The bytes of a build file as text, or the reason why they are not text."""

from __future__ import annotations

import codecs
import re

from spec.positions import START, Position, Range
from spec.values.characters import REORDERING

from .diagnostics import Collector

SIZE_LIMIT = 1 << 20
"""Bytes. People write build files; larger content belongs in files of the build context."""
_ODD = (
    rf"\r(?!\n)|[\u2028\u2029]|{REORDERING}|"
    "[^\\t\\n\\r\\x20-\\x7e\\xa0-\\ud7ff\\ue000-\\ufefe\\uff00-\\ufffd\U00010000-\U0010ffff]"
)
"""Characters that editors do not show, and line ends that YAML and editors treat differently."""


def read_text(data: bytes, problems: Collector) -> str | None:
    """Return the text of `data`, or None after reporting why there is none."""
    if len(data) > SIZE_LIMIT:
        problems.add(
            START,
            f"a build file can have at most {SIZE_LIMIT:,} bytes; got {len(data):,}: "
            "put large content into files of the build context, and name them with `source`",
        )
        return None
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        problems.add(START, "a build file must be UTF-8; got UTF-16: save it as UTF-8")
        return None
    if data.startswith(codecs.BOM_UTF8):
        problems.add(START, "a build file must be UTF-8 without a byte order mark (BOM): save it without BOM")
        return None
    if b"\0" in data:
        problems.add(START, "a build file must be YAML text; got a binary file: check the name after -f")
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        problems.add(_place(before, len(before)), "a build file must be UTF-8; got other bytes here: save it as UTF-8")
        return None
    if text.replace("\r\n", "").replace("\n", "").replace("\t", "").isprintable():
        return text  # Nearly every file: no regular expression needed.
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
        return "a line must not end with only a carriage return: save the file with Linux line ends (LF)"
    escape = f"\\u{ord(found):04X}"
    return f'invisible character (U+{ord(found):04X}): remove it, or write "{escape}" in double quotes'
