"""Where and for whom a system works: time zones, locales, keyboards."""

from __future__ import annotations

import re
from typing import Annotated

from spec.region import PLAIN_LOCALES

from .kinds import MismatchError, Text

_LOCALE = r"[a-z]{2,3}_[A-Z]{2}\.UTF-8(@[a-z]+)?"
_MEANT = r"([A-Za-z]{2,3})[_\-]([A-Za-z]{2})(?:[.][Uu][Tt][Ff]-?8)?(@[a-z]+)?"


def _locale(text: str) -> str:
    if text in PLAIN_LOCALES or re.fullmatch(_LOCALE, text):
        return text
    if text.lower() in ("c.utf8", "c.utf-8"):
        raise MismatchError("write `C.UTF-8`")
    if meant := re.fullmatch(_MEANT, text):
        language, country, variant = meant.groups("")
        raise MismatchError(f"did you mean `{language.lower()}_{country.upper()}.UTF-8{variant}`?")
    if re.fullmatch(r"[a-z]{2,3}_[A-Z]{2}\.\S+", text):
        raise MismatchError("only UTF-8 is supported")
    raise MismatchError


TimeZone = Annotated[
    str,
    Text(
        "a time zone, as a path below /usr/share/zoneinfo",
        ("Europe/Berlin", "UTC"),
        pattern=r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*",
        longest=64,
    ),
]
Locale = Annotated[
    str,
    Text(
        "a language and a country with `.UTF-8`, or `C.UTF-8`",
        ("de_DE.UTF-8", "sr_RS.UTF-8@latin"),
        pattern=r"[A-Za-z][A-Za-z0-9_.@\-]*",
        longest=64,
        convert=_locale,
    ),
]
KeyboardWord = Annotated[
    str,
    Text(
        "a word of letters, digits, `_` and `-`",
        ("de", "nodeadkeys"),
        pattern=r"[A-Za-z0-9][A-Za-z0-9_\-]{0,31}",
    ),
]
