"""The lists beside the modules of a kernel: which modules there are, and what each needs (modules.dep(5), depmod(8)).

A module is named by its file name without ending, with `_` for `-`, as the kernel and modprobe(8) do; paths are
relative to the directory of the kernel's modules, with their ending: `kernel/fs/ext4/ext4.ko.xz`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from imager.rootfs.root import Root

DIRECTORIES = ("usr/lib/modules", "lib/modules")
"""Where the modules of all kernels are, each in a directory named after the version of its kernel."""
_PACKED = ("", ".gz", ".xz", ".zst")
_SOFT = re.compile(r"(pre|post):")


@dataclass(frozen=True)
class Modules:
    """The modules of one kernel.

    `paths` are the files by name; `needs` the names that a module cannot do without, in the order of modules.dep;
    `wants` those that it is better with, or loads by itself (softdep); `builtin` the paths, by name, of what is in
    the kernel's own program; `aliases` the modules behind names such as `crypto-crc32c`, that stand for no hardware.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    wants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    builtin: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that can be asked for, in a file, built in or by alias."""
        return frozenset().union(self.builtin, self.paths, self.aliases)

    def __contains__(self, name: str) -> bool:
        """Tell whether the kernel has the module `name`, in a file, built in or by alias."""
        return to_name(name) in self.names

    def load_order(self, names: Iterable[str]) -> tuple[str, ...]:
        """Give `names` and all that they need in the order in which they must be loaded, each once.

        Those that are built in, or that the kernel does not have, are left out.
        """
        order: dict[str, None] = {}
        for name in names:
            self._visit(to_name(name), order, set())
        return tuple(order)

    def closure(self, names: Iterable[str]) -> frozenset[str]:
        """Give `names` with all that they need or want; only what is in a file."""
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

    def _visit(self, name: str, order: dict[str, None], above: set[str]) -> None:
        if name in order or name in above or name not in self.paths:
            return
        # modules.dep lists what must be loaded first at the end.
        for needed in reversed(self.needs.get(name, ())):
            self._visit(needed, order, above | {name})
        order[name] = None


def load(root: Root, version: str) -> Modules:
    """Read the lists of the kernel `version` of a system; lists that are not there count as empty."""
    return parse(*(_text(root, version, f"modules.{kind}") for kind in ("dep", "builtin", "softdep", "alias")))


def directory_of(root: Root, version: str) -> Path | None:
    """Give the directory of the modules of the kernel `version`; None when it has none."""
    places = (root.resolve(f"{directory}/{version}") for directory in DIRECTORIES)
    return next((place for place in places if place is not None and place.is_dir()), None)


def file(root: Root, version: str, path: str) -> Path | None:
    """Give the file `path` of the directory of the kernel `version`, as the system itself would find it."""
    directory = directory_of(root, version)
    return root.file(f"{directory.relative_to(root.path)}/{path}") if directory is not None else None


def files(root: Root, version: str, modules: Modules, names: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Give the files of modules, by name; raises ImagerError for one that is only in the lists."""
    for name in names:
        place = file(root, version, modules.paths[name])
        if place is None:
            raise ImagerError(f"the kernel {version} lists a module {name}, but has no file of it")
        yield name, place


def parse(dep: str, builtin: str = "", softdep: str = "", alias: str = "") -> Modules:
    """Read the texts of modules.dep, modules.builtin, modules.softdep and modules.alias."""
    paths: dict[str, str] = {}
    needs: dict[str, tuple[str, ...]] = {}
    for line in dep.splitlines():
        path, colon, rest = line.partition(":")
        if colon and not line.startswith("#"):
            name = to_name(path)
            paths[name] = path
            needs[name] = tuple(to_name(each) for each in rest.split())
    inside = {to_name(line): line.strip() for line in builtin.splitlines() if line.strip()}
    return Modules(paths, needs, dict(_soft(softdep)), inside, _aliases(alias))


def similar(name: str, modules: Modules) -> str | None:
    """Give the name that was most likely meant by one that the kernel does not have."""
    from difflib import get_close_matches

    near = get_close_matches(to_name(name), sorted(modules.names), n=1)
    return near[0] if near else None


def to_name(path: str) -> str:
    """Give the name of the module that `path`, or a name written with `-`, is about."""
    name = path.strip().rpartition("/")[2]
    start, ko, ending = name.rpartition(".ko")
    return (start if ko and ending in _PACKED else name).replace("-", "_")


def _soft(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Read lines like `softdep ext4 pre: crc32c post: other` (modprobe.d(5)); later lines add to earlier ones."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) > 2 and words[0] == "softdep":
            name = to_name(words[1])
            others = (to_name(word) for word in words[2:] if not _SOFT.fullmatch(word))
            found[name] = (*found.get(name, ()), *others)
    yield from found.items()


def _aliases(text: str) -> dict[str, tuple[str, ...]]:
    """Read lines like `alias crypto-crc32c crc32c_generic`; those with a pattern or `:` are about hardware."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        if line.startswith("alias ") and ":" not in line and "*" not in line:
            words = line.split()
            if len(words) == 3:
                name = to_name(words[1])
                found[name] = (*found.get(name, ()), to_name(words[2]))
    return found


def _text(root: Root, version: str, path: str) -> str:
    place = file(root, version, path)
    return place.read_text(errors="surrogateescape") if place is not None else ""
