"""Small text files of a system, and how systemd quotes names and words in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imager.rootfs.root import SMALL
from imager.rootfs.writing import write_file

if TYPE_CHECKING:
    from imager.rootfs.root import Root


def write(root: Root, path: str, text: str, epoch: int, mode: int = 0o644) -> None:
    """Write a file owned by root and dated `epoch`; missing parent directories are created."""
    write_file(root, path, text.encode(errors="surrogateescape"), mode=mode, epoch=epoch)


def read(root: Root, path: str, limit: int = SMALL, errors: str = "surrogateescape") -> str:
    """Return the text of a file, or an empty text if there is none."""
    return (root.read(path, limit) or b"").decode(errors=errors)


def lines(text: str) -> list[str]:
    """Return the lines of a text as the programs of a system see them: nothing but a line feed ends one.

    `str.splitlines` also ends a line at ten other characters, so a comment could hide an entry.
    """
    found = text.split("\n")
    return found[:-1] if found[-1] == "" else found


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
