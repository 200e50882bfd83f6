"""Removing files from a system without changing the times of its directories."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from imager.rootfs.writing import remove as remove_one
from imager.rootfs.writing import set_time

if TYPE_CHECKING:
    from imager.rootfs.root import Root


def remove(root: Root, directory: str, paths: Iterable[str], epoch: int) -> int:
    """Remove files, and directories that are empty afterwards; return the size of the removed files.

    Files behind symbolic links in the directory stay: they belong to another part of the system.
    """
    top = root.real(directory)
    size = 0
    parents: set[str] = set()
    inside: dict[str, bool] = {}
    for path in sorted(paths):
        parent = path.rpartition("/")[0]
        if parent not in inside:
            inside[parent] = root.real(f"{directory}/{parent}") == f"{top}/{parent}".rstrip("/")
        if inside[parent]:
            size += remove_one(root, f"{directory}/{path}")
            parents.update(_parents(path))
    for parent in sorted(parents, key=lambda each: each.count("/") + bool(each), reverse=True):
        if parent and not root.names(f"{directory}/{parent}"):
            remove_one(root, f"{directory}/{parent}")
        else:
            set_time(root, f"{directory}/{parent}".rstrip("/"), epoch)
    return size


def _parents(path: str) -> Iterable[str]:
    """Yield the directories above a path, and "" for the top."""
    while path:
        path = path.rpartition("/")[0]
        yield path
