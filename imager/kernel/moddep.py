"""The lists beside the modules of a kernel: its modules and their dependencies (modules.dep(5), depmod(8)).

The name of a module is its file name without ending and with `_` for `-`, as in the kernel and modprobe(8). Paths are
relative to the directory of the kernel's modules and include the ending: `kernel/fs/ext4/ext4.ko.xz`.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from imager.rootfs.root import Root

DIRECTORIES = ("usr/lib/modules", "lib/modules")
"""The parents of the module directories, which are named after the version of their kernel."""
_LIMIT = 8 << 20
"""Bytes of a list: that of a kernel with all modules has less than 2 MiB."""
_PACKED = ("", ".gz", ".xz", ".zst")
_PATH = re.compile(r"[A-Za-z0-9_+.,=@~-]+(/[A-Za-z0-9_+.,=@~-]+)*")
_LONGEST, _DEEPEST, _LONGEST_NAME = 512, 32, 64
"""More than the kernel's own paths and names have; patterns are compared with every part of a path."""
_SOFT = re.compile(r"(pre|post):")


@dataclass(frozen=True)
class Modules:
    """The modules of one kernel.

    `paths` are the files by name; `needs` are the dependencies of a module, in the order of modules.dep; `wants` are
    its optional dependencies (softdep); `builtin` are the paths, by name, of the modules in the kernel itself;
    `aliases` are the modules for names such as `crypto-crc32c` that do not describe hardware.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    builtin: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that can be requested: of a file, built in, or an alias."""
        return frozenset().union(self.builtin, self.paths, self.aliases)

    def __contains__(self, name: str) -> bool:
        """Return whether the kernel has the module `name`: as a file, built in, or by alias."""
        return to_name(name) in self.names

    def load_order(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return `names` and all their dependencies in load order, each once.

        Modules that are built in or that the kernel lacks are left out.
        """
        order: dict[str, None] = {}
        entered: set[str] = set()
        pending = [(to_name(name), False) for name in reversed(tuple(names))]
        while pending:
            name, complete = pending.pop()
            if complete:
                order[name] = None
            elif name not in entered and name in self.paths:
                entered.add(name)
                # modules.dep lists dependencies in reverse load order, and the last one added here comes first.
                pending += [(name, True), *((needed, False) for needed in self.needs.get(name, ()))]
        return tuple(order)

    def closure(self, names: Iterable[str]) -> frozenset[str]:
        """Return `names` with all required and optional dependencies; only modules in files."""
        seen: set[str] = set()
        pending = [to_name(name) for name in names]
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in self.paths:
                pending += [*self.needs.get(name, ()), *self.wants.get(name, ())]
            elif name not in self.builtin:
                pending += self.aliases.get(name, ())
        return frozenset(seen & self.paths.keys())


def load(root: Root, version: str) -> Modules:
    """Read the lists of the kernel `version` of a system; missing lists are empty."""
    directory = directory_of(root, version)
    kinds = ("dep", "builtin", "softdep", "alias")
    return parse(*(read(root, f"{directory}/modules.{kind}", _LIMIT) if directory else "" for kind in kinds))


def directory_of(root: Root, version: str) -> str | None:
    """Return the directory of the modules of the kernel `version`, without links, or None if there is none."""
    places = (root.real(path) for each in DIRECTORIES if is_directory(root, path := f"{each}/{version}"))
    return next((place for place in places if place is not None), None)


def is_directory(root: Root, path: str) -> bool:
    """Return whether `path` is a directory, or a link to one."""
    status = root.status(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def files(root: Root, version: str, modules: Modules, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield modules with the paths of their files; raises ImagerError if a listed file does not exist."""
    directory = directory_of(root, version)
    for name in names:
        path = f"{directory}/{modules.paths[name]}"
        if root.file(path) is None:
            raise ImagerError(f"the kernel {version} lists the module {name}, but its file is missing")
        yield name, path


def parse(dep: str, builtin: str = "", softdep: str = "", alias: str = "") -> Modules:
    """Return the modules in the texts of modules.dep, modules.builtin, modules.softdep and modules.alias.

    Raises ImagerError for a path that no module can have.
    """
    paths: dict[str, str] = {}
    needs: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines(dep), 1):
        path, colon, rest = line.partition(":")
        if colon and not line.startswith("#"):
            name = to_name(_checked(path, "modules.dep", number))
            paths[name] = path
            needs[name] = tuple(to_name(each) for each in rest.split())
    inside = {
        to_name(path): _checked(path, "modules.builtin", number)
        for number, line in enumerate(lines(builtin), 1)
        if (path := line.strip())
    }
    return Modules(paths, needs, dict(_soft(softdep)), inside, _aliases(alias))


def _checked(path: str, file: str, line: int) -> str:
    if not _PATH.fullmatch(path) or len(path) > _LONGEST or path.count("/") > _DEEPEST or "/../" in f"/{path}":
        raise ImagerError(f"{file}, line {line}: {path[:80]!r} is no path of a module, such as kernel/fs/ext4/ext4.ko")
    return path


def similar(name: str, modules: Modules) -> str | None:
    """Return the most similar name that the kernel has, or None."""
    from difflib import get_close_matches

    # Longer names are not the kernel's own (MODULE_NAME_LEN), and comparing takes the square of the length.
    known = sorted(each for each in modules.names if len(each) < _LONGEST_NAME)
    near = get_close_matches(to_name(name), known, n=1)
    return near[0] if near else None


def to_name(path: str) -> str:
    """Return the module name for a path, or for a name with `-`."""
    name = path.strip().rpartition("/")[2]
    start, ko, ending = name.rpartition(".ko")
    return (start if ko and ending in _PACKED else name).replace("-", "_")


def _soft(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the content of lines like `softdep ext4 pre: crc32c post: other` (modprobe.d(5)), combined by module."""
    found: dict[str, tuple[str, ...]] = {}
    for line in lines(text):
        words = line.split()
        if len(words) > 2 and words[0] == "softdep":
            name = to_name(words[1])
            others = (to_name(word) for word in words[2:] if not _SOFT.fullmatch(word))
            found[name] = (*found.get(name, ()), *others)
    yield from found.items()


def _aliases(text: str) -> dict[str, tuple[str, ...]]:
    """Return the content of lines like `alias crypto-crc32c crc32c_generic`; a pattern or `:` describes hardware."""
    found: dict[str, tuple[str, ...]] = {}
    for line in lines(text):
        if line.startswith("alias ") and ":" not in line and "*" not in line:
            words = line.split()
            if len(words) == 3:
                name = to_name(words[1])
                found[name] = (*found.get(name, ()), to_name(words[2]))
    return found
