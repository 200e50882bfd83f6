"""Small text files of a system, and the words of their formats."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from imager.rootfs.root import Root


def write(root: Root, path: str, text: str, epoch: int, mode: int = 0o644) -> None:
    """Write a file of root's, dated `epoch`; directories on the way are made."""
    place = root.place(path)
    if place is None:
        raise ImagerError(f"/{path}: the links on the way go in circles")
    if place.is_dir():
        raise ImagerError(f"/{path} must be a file, and is a directory")
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(mode)
    os.chown(place, 0, 0)
    os.utime(place, (epoch, epoch))


def read(root: Root, path: str) -> str:
    """Give the text of a file; empty where there is none."""
    place = root.file(path)
    return place.read_text(errors="surrogateescape") if place else ""


def unit_name(path: str) -> str:
    """Give a path as it stands in the names of systemd's units (systemd.unit(5), string escaping)."""
    parts = "-".join(_escape(part) for part in path.split("/") if part)
    return parts.replace(".", "\\x2e", 1) if parts.startswith(".") else parts or "-"


def _escape(part: str) -> str:
    return "".join(
        char if re.fullmatch(r"[A-Za-z0-9:_.]", char) else "".join(f"\\x{byte:02x}" for byte in char.encode())
        for char in part
    )


def unit_word(text: str, *, command: bool = False) -> str:
    """Give a word in quotes for a line of a unit (systemd.syntax(7)); in a `command`, `$` is special too."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\t", "\\t")
    escaped = escaped.replace("$", "$$") if command else escaped
    return escaped if re.fullmatch(r"[A-Za-z0-9_/.:=@,+%$-]+", escaped) else f'"{escaped}"'
