"""Which system this is: IMAGE_ID and IMAGE_VERSION of os-release(5), in the system and in the UKI."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from imager import report
from imager.root import Root

if TYPE_CHECKING:
    from imager.contract import Identity

_PLACE = "usr/lib/os-release"
_LINK = "etc/os-release"


def run(request: Identity) -> None:
    """Write the name and version into the system's os-release."""
    root = Root(Path(request.system))
    text = identified(report.os_release(root), request.name, request.version)
    place = root.file(_LINK) or root.file(_PLACE) or root.place(_LINK)
    if place is None:
        place = root.path / _LINK
        place.unlink()  # a link in a circle
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    place.write_text(text)
    os.utime(place, (request.epoch, request.epoch))


def identified(text: str, name: str, version: str) -> str:
    """Give the os-release `text` with IMAGE_ID and IMAGE_VERSION set; empty values leave them as they are."""
    text = text or "ID=linux\nNAME=Linux\nPRETTY_NAME=Linux\n"
    for key, value in (("IMAGE_ID", name), ("IMAGE_VERSION", version)):
        if value:
            text = re.sub(rf"^{key}=.*\n?", "", text, flags=re.MULTILINE)
            text = f"{text.rstrip()}\n{key}={_quote(value)}\n"
    return text


def _quote(value: str) -> str:
    """Quote as the shell would inside double quotes, when it must be."""
    if re.fullmatch(r"[A-Za-z0-9._+~-]+", value):
        return value
    return '"' + re.sub(r'(["\\$`])', r"\\\1", value) + '"'
