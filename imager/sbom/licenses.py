"""Licenses as packages declare them, in the words of SPDX where SPDX has some.

Alpine's packages have an SPDX expression. Debian's have a file that, in most packages, a program can read:
https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/. It names the license of each part of the source, so
a package is under all of them. A name is translated only if its meaning is certain.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from imager.rootfs.text import lines, read
from imager.sbom.component import License

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imager.rootfs.root import Root

LIST = Path(__file__).with_name("spdx-licenses.txt")
"""The identifiers that SPDX defines, one a line; tools/gen-licenses makes it."""
_DOC = "usr/share/doc"
_FORMAT = "packaging-manuals/copyright-format/1.0"
_LIMIT = 4 << 20
_GNU = re.compile(r"(A?GPL|LGPL|GFDL)-(\d)(?:\.(\d))?(?:\.0)*(\+)?", re.IGNORECASE)
_WORDS = re.compile(r"\s*(\(|\)|\bAND\b|\bOR\b|\bWITH\b)\s*", re.IGNORECASE)
_DEBIAN = {"expat": "MIT"}
"""Names of Debian that mean a license of SPDX with another name."""


def of_expression(text: str) -> License:
    """Return the license of an SPDX expression. Words that SPDX does not know make it a mere name."""
    text = " ".join(text.split())
    if not text:
        return License()
    words = [word for word in _WORDS.split(text) if word]
    made = [_word(word) for word in words]
    return License(expression=_joined(made)) if all(made) and _is_expression(made) else License(names=(text,))


def copyright_of(root: Root, package: str) -> str:
    """Return the copyright file of a Debian package, or an empty text."""
    return read(root, f"{_DOC}/{package}/copyright", _LIMIT, errors="replace")


def of_copyright(text: str) -> License:
    """Return the license that the copyright file of a Debian package declares."""
    head, _, rest = text.partition("\n")
    if _FORMAT not in head:
        return License()
    found = {line.partition(":")[2].strip() for line in lines(rest) if line[:8].lower() == "license:"} - {""}
    return _all_of(sorted(found))


def _all_of(names: Iterable[str]) -> License:
    names = tuple(" ".join(name.split()) for name in names)
    made = [_of_debian_name(name) for name in names]
    if not names or not all(made):
        return License(names=names)
    unique = sorted({part for each in made for part in ([each] if " OR " in each else each.split(" AND "))})
    grouped = (f"({each})" if " OR " in each and len(unique) > 1 else each for each in unique)
    return License(expression=" AND ".join(grouped))


@cache
def _of_debian_name(name: str) -> str:
    """Return the expression for a name in a copyright file, or nothing if it has no certain meaning."""
    words = [word for word in _WORDS.split(name) if word]
    made = [_word(_gnu(_DEBIAN.get(word.lower(), word))) for word in words]
    return _joined(made) if all(made) and _is_expression(made) else ""


def _gnu(name: str) -> str:
    """Return a license of GNU as SPDX writes it: `GPL-2+` is GPL-2.0-or-later."""
    found = _GNU.fullmatch(name)
    if not found:
        return name
    kind, major, minor, later = found.groups()
    return f"{kind.upper()}-{major}.{minor or 0}-{'or-later' if later else 'only'}"


def _word(word: str) -> str:
    """Return one word of an expression as SPDX writes it; nothing if it is none."""
    upper = word.upper()
    return upper if upper in ("(", ")", "AND", "OR", "WITH") else _identifiers().get(word.lower(), "")


def _is_expression(words: list[str]) -> bool:
    """Return whether operands and operators alternate, and parentheses are pairs."""
    depth, operand = 0, True  # what is expected next
    for word in words:
        if word == "(" and operand:
            depth += 1
        elif word == ")" and not operand and depth:
            depth -= 1
        elif word in ("AND", "OR", "WITH") and not operand:
            operand = True
        elif word not in ("(", ")", "AND", "OR", "WITH") and operand:
            operand = False
        else:
            return False
    return depth == 0 and not operand


def _joined(words: list[str]) -> str:
    return " ".join(words).replace("( ", "(").replace(" )", ")")


@cache
def _identifiers() -> dict[str, str]:
    """Return the identifiers of SPDX by their lower-case form."""
    return {line.lower(): line for line in lines(LIST.read_text())}
