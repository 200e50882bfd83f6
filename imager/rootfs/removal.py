"""Removing files from a system without changing the times of its directories."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def remove(directory: Path, paths: Iterable[str], epoch: int) -> int:
    """Remove files, and directories that are empty afterwards; return the size of the removed files.

    Files behind symbolic links in the directory stay: on the builder such a link may point outside of the system.
    """
    size = 0
    parents: set[Path] = set()
    inside: dict[Path, bool] = {}
    for path in sorted(paths):
        place = directory / path
        if place.parent not in inside:
            inside[place.parent] = place.parent.resolve().is_relative_to(directory.resolve())
        if not inside[place.parent]:
            continue
        if place.is_symlink() or place.exists():
            size += 0 if place.is_symlink() else place.stat().st_size
            place.unlink()
        parents |= {parent for parent in place.parents if parent.is_relative_to(directory)}
    for parent in sorted(parents, key=lambda each: len(each.parts), reverse=True):
        if parent != directory and parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()
        elif parent.is_dir():
            set_time(parent, epoch)
    return size


def set_time(place: Path, epoch: int) -> None:
    """Set the time of one path, without following a symbolic link."""
    os.utime(place, (epoch, epoch), follow_symlinks=False)
