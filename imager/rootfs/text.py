"""Small text files of a system, and how systemd quotes names and words in them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from imager.rootfs.root import Root


def write(root: Root, path: str, text: str, epoch: int, mode: int = 0o644) -> None:
    """Write a file owned by root and dated `epoch`; missing parent directories are created."""
    place = root.place(path)
    if place is None:
        raise ImagerError(f"/{path}: too many levels of symbolic links")
    if place.is_dir():
        raise ImagerError(f"/{path} must be a file, but is a directory")
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    place.write_text(text)
    place.chmod(mode)
    os.chown(place, 0, 0)
    os.utime(place, (epoch, epoch))


def read(root: Root, path: str) -> str:
    """Return the text of a file, or an empty text if there is none."""
    place = root.file(path)
    return place.read_text(errors="surrogateescape") if place else ""


def unit_name(path: str) -> str:
    """Return a path in the form that systemd uses in unit names (systemd.unit(5), string escaping)."""
    parts = "-".join(_escape(part) for part in path.split("/") if part)
    return parts.replace(".", "\\x2e", 1) if parts.startswith(".") else parts or "-"


def _escape(part: str) -> str:
    return "".join(
        char if re.fullmatch(r"[A-Za-z0-9:_.]", char) else "".join(f"\\x{byte:02x}" for byte in char.encode())
        for char in part
    )


def unit_word(text: str, *, command: bool = False) -> str:
    """Return a word, quoted if necessary, for a line of a unit (systemd.syntax(7)); a `command` also escapes `$`."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\t", "\\t")
    escaped = escaped.replace("$", "$$") if command else escaped
    return escaped if re.fullmatch(r"[A-Za-z0-9_/.:=@,+%$-]+", escaped) else f'"{escaped}"'
