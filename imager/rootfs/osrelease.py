"""The identity of a system: os-release(5), with IMAGE_ID and IMAGE_VERSION, in the system and in the UKI."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from imager.rootfs import text as texts
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from imager.requests.identity import Identity

_PLACE = "usr/lib/os-release"
_LINK = "etc/os-release"
"""os-release(5) gives this path priority."""
_LIMIT = 1 << 20


def run(request: Identity) -> None:
    """Write name and version into the system's os-release."""
    root = Root(Path(request.system))
    text = with_identity(read(root), request.name, request.version)
    texts.write(root, _find(root) or _LINK, text, request.epoch)


def read(root: Root) -> str:
    """Return the system's os-release, or an empty text if there is none."""
    place = _find(root)
    return texts.read(root, place, _LIMIT, errors="backslashreplace") if place else ""


def fields(text: str) -> dict[str, str]:
    """Return the fields of an os-release file; lines without an assignment are ignored."""
    import shlex

    found: dict[str, str] = {}
    for line in texts.lines(text):
        key, equals, value = line.strip(" \t\r").partition("=")
        if equals and key.isidentifier():
            try:
                found[key] = "".join(shlex.split(value))
            except ValueError:
                found[key] = value
    return found


def with_identity(text: str, name: str, version: str) -> str:
    """Return the os-release `text` with IMAGE_ID and IMAGE_VERSION; an empty value leaves its field unchanged."""
    text = text or "ID=linux\nNAME=Linux\nPRETTY_NAME=Linux\n"
    for key, value in (("IMAGE_ID", name), ("IMAGE_VERSION", version)):
        if value:
            text = re.sub(rf"^{key}=.*\n?", "", text, flags=re.MULTILINE)
            text = f"{text.rstrip()}\n{key}={_quote(value)}\n"
    return text


def _find(root: Root) -> str | None:
    """Return the path of the file itself: where one of the two is a link to the other, both stay what they are."""
    return next((root.real(path) for path in (_LINK, _PLACE) if root.file(path) is not None), None)


def _quote(value: str) -> str:
    """Return the value in double quotes, with the shell's escapes, if it needs quotes."""
    if re.fullmatch(r"[A-Za-z0-9._+~-]+", value):
        return value
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
