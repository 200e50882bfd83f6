"""The firmware files of a system, and which of them stay.

A driver requests a name below /usr/lib/firmware. The kernel looks in `updates/` first, and also accepts the file with
.xz or .zst appended (drivers/base/firmware_loader/main.c). Names may be symbolic links or go through some.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from imager.kernel import patterns

if TYPE_CHECKING:
    from pathlib import Path

    from imager.rootfs.root import Root

DIRECTORIES = ("usr/lib/firmware", "lib/firmware")
_ENDING = re.compile(r"\.(xz|zst)$")


@dataclass(frozen=True)
class Firmware:
    """The firmware in `directory`, a path on the builder's disk, or None if a system has none."""

    root: Root
    directory: Path | None

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Every file and symbolic link, relative to the directory, sorted."""
        if self.directory is None:
            return ()
        places = (place for place in self.directory.rglob("*") if place.is_symlink() or not place.is_dir())
        return tuple(sorted(str(place.relative_to(self.directory)) for place in places))

    @cached_property
    def _by_name(self) -> Mapping[str, tuple[str, ...]]:
        """The files for each requested name."""
        found: dict[str, tuple[str, ...]] = {}
        for path in self.files:
            name = requested_name(path)
            found[name] = (*found.get(name, ()), path)
        return found

    def matching(self, pattern: str) -> frozenset[str]:
        """Return the files for a name or pattern, including the targets of symbolic links."""
        if not patterns.is_glob(pattern) and not pattern.endswith("/"):
            found = self._by_name.get(pattern) or self._through_links(pattern)
            if found:
                return self._complete(found)
        # Patterns for firmware start at the top of its directory.
        fits = patterns.path_matcher("/" + pattern)
        return self._complete(path for name, paths in self._by_name.items() if fits(name) for path in paths)

    def _through_links(self, name: str) -> tuple[str, ...]:
        """Return the files for a name below symbolic links to directories, and these links."""
        assert self.directory is not None or not self.files
        links = [path for path in self.files if name.startswith(path + "/")]
        targets = [self._inside(f"{name}{ending}") for ending in ("", ".xz", ".zst")] if links else []
        found = [target for target in targets if target is not None]
        return (*links, *found) if found else ()

    def _complete(self, paths: Iterable[str]) -> frozenset[str]:
        """Return the paths and the targets of their symbolic links, as far as they are firmware."""
        found: set[str] = set()
        pending = list(paths)
        while pending:
            path = pending.pop()
            if path in found:
                continue
            found.add(path)
            for target in self._targets(path):
                pending += [target] if target in self._known else [p for p in self.files if p.startswith(target + "/")]
        return frozenset(found & self._known)

    def _targets(self, path: str) -> Iterator[str]:
        """Yield the targets of a symbolic link: the next step, and the final one, maybe through other directories."""
        assert self.directory is not None
        place = self.directory / path
        if place.is_symlink():
            yield os.path.normpath(f"{os.path.dirname(path)}/{place.readlink()}").lstrip("/")  # noqa: PTH120 - no file
            if (end := self._inside(path)) is not None:
                yield end

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.files)

    def _inside(self, path: str) -> str | None:
        """Return where `path` finally leads, relative to the directory; None if it is outside or does not exist."""
        assert self.directory is not None
        inside = os.path.relpath(self.directory, self.root.path)
        place = self.root.resolve(f"{inside}/{path}")
        if place is None or not place.is_relative_to(self.directory):
            return None
        return os.path.relpath(place, self.directory)


def find(root: Root) -> Firmware:
    """Return the firmware of a system."""
    places = (root.resolve(directory) for directory in DIRECTORIES)
    return Firmware(root, next((place for place in places if place is not None and place.is_dir()), None))


def requested_name(path: str) -> str:
    """Return the name that a driver requests to get the file `path`."""
    return _ENDING.sub("", path).removeprefix("updates/")
