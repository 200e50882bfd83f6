"""The shared libraries of a system, looked for as its loader does it (ld.so(8); musl has fewer places)."""

from __future__ import annotations

import posixpath
from collections import deque
from typing import TYPE_CHECKING

from imager.core.patterns import name_matcher
from imager.rootfs import elf
from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.elf import Elf
    from imager.rootfs.root import Root

_COMMON = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/lib32", "/usr/lib32", "/libx32", "/usr/libx32")
_MUSL = "/usr/local/lib"
_IN_MUSL = frozenset(f"lib{name}.so" for name in ("c", "pthread", "rt", "m", "dl", "util", "xnet"))
"""The libraries that musl's loader is itself."""
_CONF = "/etc/ld.so.conf"


def missing(root: Root, path: str, program: Elf, own: tuple[str, ...]) -> Iterator[str]:
    """Yield the libraries that the program at `path`, or one of its libraries, needs and the system lacks.

    `own` are directories that its environment names.
    """
    musl = "ld-musl-" in program.loader
    common = (*own, *_directories(root), *((_MUSL,) if musl else ()))
    seen = {posixpath.basename(program.loader), *(_IN_MUSL if musl else ())}
    queue = deque([(path, program)])
    while queue:
        user, needs = queue.popleft()
        # What a program names as its own places counts for its libraries, too.
        paths = dict.fromkeys((*_expanded(root, path, program.paths), *_expanded(root, user, needs.paths), *common))
        for name in needs.libraries:
            if name in seen:
                continue
            seen.add(name)
            found = _find(root, name, program.machine, tuple(paths))
            if found is None:
                yield name
            else:
                queue.append(found)


def _find(root: Root, name: str, machine: str, paths: tuple[str, ...]) -> tuple[str, Elf] | None:
    for path in [name] if "/" in name else [f"{folder}/{name}" for folder in paths]:
        library = elf.read(root, path)
        if library is not None and library.machine == machine:
            return path, library
    return None


def _expanded(root: Root, path: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    origin = f"/{posixpath.dirname(root.real(path) or path)}"
    return tuple(each.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for each in paths)


def _directories(root: Root) -> tuple[str, ...]:
    """Return the directories of libraries that every program has."""
    named = dict.fromkeys(_configured(root, _CONF, set()))
    for name in root.names("/etc"):
        if name.startswith("ld-musl-") and name.endswith(".path"):
            named |= dict.fromkeys(read(root, f"/etc/{name}").replace(":", "\n").split())
    multiarch = (f"{folder}/{name}" for folder in _COMMON[:2] for name in root.names(folder) if "-linux-" in name)
    return tuple(dict.fromkeys((*named, *multiarch, *_COMMON)))


def _configured(root: Root, path: str, seen: set[str]) -> Iterator[str]:
    """Yield the directories in a file of ldconfig(8) and those that it includes."""
    if path in seen:
        return
    seen.add(path)
    for line in lines(read(root, path)):
        words = line.partition("#")[0].split()
        if words[:1] == ["include"]:
            for pattern in words[1:]:
                folder, _, names = posixpath.join(posixpath.dirname(path), pattern).rpartition("/")
                for name in filter(name_matcher(names), root.names(folder)):
                    yield from _configured(root, f"{folder}/{name}", seen)
        else:
            yield from (word for word in words[:1] if word.startswith("/"))
