"""Where updates come from and when: the values of `update`."""

from __future__ import annotations

import re
from typing import Annotated

from .kinds import MismatchError, Text

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_DURATION = r"[1-9][0-9]{0,5}(s|min|h|d|w)"
_SOURCE = r"(https?|oci|oci\+http)://[^\s/?#]+(/[^\s?#]*)?"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
NEVER = 0
"""The interval of a timer that does not run."""


def _source(text: str) -> str:
    if "://" not in text:
        raise MismatchError(f"for a registry, write `oci://{text}`; for a web server, `https://{text}`")
    if not re.fullmatch(_SOURCE, text):
        raise MismatchError
    if "@" in text.split("/")[2]:
        raise ValueError(
            "the address contains a user name or password, which everybody with the image could read: remove it, and "
            "write `update: {login: /PATH}`, a file of the machine"
        )
    if text.startswith("oci") and not text.split("/", 3)[3:]:
        raise MismatchError("the name of the repository is missing after the host")
    return text.rstrip("/")


def _seconds(text: str) -> int:
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    if text == f"{number}m":
        raise MismatchError(f"write `{number}min`")
    if not re.fullmatch(_DURATION, text):
        raise MismatchError
    return int(number) * _UNITS[text.removeprefix(number)]


def _interval(text: str) -> int:
    return NEVER if text == "never" else _seconds(text)


def _reboot(text: str) -> str:
    if text in ("auto", "manual"):
        return text
    if not re.fullmatch(rf"{_CLOCK}-{_CLOCK}", text):
        raise MismatchError
    if text[:5] == text[6:]:
        raise MismatchError("a window has an end that is not its start; for any time, write `auto`")
    return text


Source = Annotated[
    str,
    Text(
        "the address of a directory (`https://`) or of a repository (`oci://`)",
        ("https://updates.example/web", "oci://registry.example/web"),
        convert=_source,
    ),
]
Channel = Annotated[
    str,
    Text("a name of letters, digits and `_.-`", ("stable",), pattern=r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}"),
]
"""What a registry has as a tag."""
Duration = Annotated[
    int, Text("a number with the unit s, min, h, d or w", ("90s", "5min"), pattern=r"[^\s]+", convert=_seconds)
]
Interval = Annotated[
    int,
    Text("a number with the unit s, min, h, d or w, or `never`", ("6h", "1d"), pattern=r"[^\s]+", convert=_interval),
]
Reboot = Annotated[
    str,
    Text("`manual`, `auto` or a time of day", ("auto", "03:00-05:00"), pattern=r"[^\s]+", convert=_reboot),
]
