"""What the running system cannot see of the image: all that lies below its mounts, and in directories made at boot."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from imager.rootfs import fstab
from imager.rootfs.accounts import Accounts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from imager.rootfs.root import Root

_MADE_AT_BOOT = ("/dev", "/proc", "/run", "/sys", "/tmp")


def hidden_files(root: Root, paths: Iterable[str]) -> dict[str, str]:
    """Return those of `paths` that are hidden, with the directory that hides each."""
    places = _hiding(root)
    found = ((path, _hides(root, places, _parent_followed(root, path))) for path in paths)
    return {path: by for path, by in found if by}


def hidden_homes(root: Root, users: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return the `users` whose homes are hidden, with the home and the directory that hides it."""
    if root.file("etc/passwd") is None:
        return {}
    places, accounts = _hiding(root), Accounts.load(root)
    found: dict[str, tuple[str, str]] = {}
    for name in users:
        row = accounts.passwd.get(name)
        by = _hides(root, places, root.place(row[5])) if row else ""
        if row and by:
            found[name] = (row[5], by)
    return found


def _hiding(root: Root) -> dict[str, str]:
    """Return the directories that hide what is in them: where they really are, and how they are called."""
    points = (line.point.rstrip("/") for line in fstab.load(root) if _hides_below(line))
    named = {point: point for point in (*_MADE_AT_BOOT, *points) if point}
    return {_inside(root, root.place(point)): name for point, name in named.items()}


def _hides_below(line: fstab.Line) -> bool:
    """Return whether a file system is mounted at boot, and does not show what is at its mount point."""
    return line.kind not in ("overlay", "swap") and line.point.startswith("/") and "noauto" not in line.options


def _parent_followed(root: Root, path: str) -> Path | None:
    """Return the place of `path` without following it: a link is seen, wherever it leads to."""
    folder, name = posixpath.split(path)
    place = root.place(folder)
    return place / name if place is not None else None


def _hides(root: Root, places: dict[str, str], place: Path | None) -> str:
    """Return which of `places` a place is below, or nothing."""
    inside = _inside(root, place)
    return next((name for path, name in sorted(places.items(), reverse=True) if inside.startswith(f"{path}/")), "")


def _inside(root: Root, place: Path | None) -> str:
    return f"/{place.relative_to(root.path)}" if place is not None else ""
