"""The firmware files of a system, and which of them stay.

A driver requests a name below /usr/lib/firmware. The kernel looks in `updates/` first, and also accepts the file with
.xz or .zst appended (drivers/base/firmware_loader/main.c). Names may be symbolic links or go through some.
"""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from imager.core import patterns
from imager.kernel import modfile

if TYPE_CHECKING:
    from imager.rootfs.root import Root

DIRECTORIES = ("usr/lib/firmware", "lib/firmware")
_ENDING = re.compile(r"\.(xz|zst)$")


@dataclass(frozen=True)
class Firmware:
    """The firmware in `directory`, a path in the system without links, or "" if a system has none."""

    root: Root
    directory: str

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Every file and symbolic link, relative to the directory, sorted."""
        return tuple(sorted(path for path, mode in self._modes.items() if not stat.S_ISDIR(mode)))

    def read(self, path: str) -> bytes:
        """Return the unpacked content of a file. Raises ImagerError."""
        return modfile.read(self.root, f"{self.directory}/{path}")

    @cached_property
    def _modes(self) -> Mapping[str, int]:
        if not self.directory:
            return {}
        return {path: status.st_mode for path, status in self.root.walk(self.directory)}

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
        found = self.requested(pattern)
        if found or patterns.is_glob(pattern):
            return found
        return self._complete(self._fitting(pattern))  # a directory

    def requested(self, name: str) -> frozenset[str]:
        """Return the files for a name, or a pattern, that a driver requests: it is about files only."""
        if patterns.is_glob(name) or name.endswith("/"):
            return self._complete(self._fitting(name))
        return self._complete(self._by_name.get(name) or self._through_links(name))

    def _fitting(self, pattern: str) -> Iterator[str]:
        # Patterns for firmware start at the top of its directory.
        fits = patterns.path_matcher("/" + pattern)
        return (path for name, paths in self._by_name.items() if fits(name) for path in paths)

    def _through_links(self, name: str) -> tuple[str, ...]:
        """Return the files for a name below symbolic links to directories, and these links."""
        ends = [at for at, letter in enumerate(name) if letter == "/"]
        links = [name[:at] for at in ends if stat.S_ISLNK(self._modes.get(name[:at], 0))]
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
                # What is below a directory is added once, however many links lead there.
                pending += [target] if target in self._modes else ()
            if stat.S_ISDIR(self._modes.get(path, 0)):
                pending += self._below(path)
        return frozenset(path for path in found if not stat.S_ISDIR(self._modes.get(path, stat.S_IFDIR)))

    def _below(self, directory: str) -> tuple[str, ...]:
        low = bisect_left(self.files, f"{directory}/")
        return self.files[low : bisect_left(self.files, f"{directory}0", low)]  # "0" is the letter after "/"

    def _targets(self, path: str) -> Iterator[str]:
        """Yield the targets of a symbolic link: the next step, and the final one, maybe through other directories."""
        target = self.root.target(f"{self.directory}/{path}") if stat.S_ISLNK(self._modes.get(path, 0)) else None
        if target is not None:
            yield os.path.normpath(f"{os.path.dirname(path)}/{target}").lstrip("/")  # noqa: PTH120 - no file
            if (end := self._inside(path)) is not None:
                yield end

    def _inside(self, path: str) -> str | None:
        """Return where `path` finally leads, relative to the directory; None if it is outside or does not exist."""
        real = self.root.real(f"{self.directory}/{path}")
        top = f"{self.directory}/"
        return real.removeprefix(top) if real is not None and real.startswith(top) else None


def find(root: Root) -> Firmware:
    """Return the firmware of a system."""
    places = (root.real(directory) for directory in DIRECTORIES if root.names(directory))
    return Firmware(root, next((place for place in places if place is not None), ""))


def requested_name(path: str) -> str:
    """Return the name that a driver requests to get the file `path`."""
    return _ENDING.sub("", path).removeprefix("updates/")
