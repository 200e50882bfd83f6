"""The unit files of a system: where they are, and what they say (systemd.unit(5))."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from imager.rootfs.text import read

if TYPE_CHECKING:
    from pathlib import Path

    from imager.rootfs.root import Root

PATHS = ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
"""Where units are looked for, in this order."""
_LINKS = 8
"""Aliases of aliases that are followed."""
_SPECIFIER = re.compile("%(.)")


@dataclass(frozen=True)
class Unit:
    """One unit: its own name, and the path of its file in the system.

    `lines` has the words of each assignment, by section and key.
    """

    name: str
    path: str
    masked: bool = False
    lines: Mapping[tuple[str, str], tuple[tuple[str, ...], ...]] = field(default_factory=dict)

    @property
    def enabled_name(self) -> str:
        """The name of the link that starts it: a template without instance takes its default one."""
        prefix, at, instance = self.stem.partition("@")
        if not at or instance:
            return self.name
        default = next(chain(*self.lines.get(("Install", "DefaultInstance"), ())), "")
        return f"{prefix}@{default}{self.suffix}"

    def install(self, key: str) -> tuple[str, ...]:
        """Return the words of a key of [Install], with specifiers in place."""
        return self.words("Install", key)

    def words(self, section: str, key: str) -> tuple[str, ...]:
        """Return the words of a key, with specifiers in place."""
        words = chain(*self.lines.get((section, key), ()))
        return tuple(_SPECIFIER.sub(self._specifier, word) for word in words)

    @property
    def suffix(self) -> str:
        """The type of the unit, such as `.service`."""
        return self.name[self.name.rindex(".") :]

    @property
    def stem(self) -> str:
        """The name without its type."""
        return self.name.removesuffix(self.suffix)

    def _specifier(self, found: re.Match[str]) -> str:
        stem = self.enabled_name.removesuffix(self.suffix)
        prefix, _, instance = stem.partition("@")
        known = {
            "n": self.enabled_name,
            "N": stem,
            "p": prefix,
            "i": instance,
            "j": prefix.rpartition("-")[2],
            "%": "%",
        }
        return known.get(found[1], found[0])


class UnitFiles:
    """The units of one system."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._places: dict[Path, str] = {}
        for path in PATHS:
            place = root.place(path)
            if place is not None:
                self._places.setdefault(place, path)  # /lib is a link to /usr/lib in most systems

    def find(self, name: str) -> Unit | None:
        """Return the unit that `name` stands for, which may be an alias or an instance of a template."""
        for _ in range(_LINKS):
            found = self._locate(name) or self._locate(template_of(name))
            if found is None:
                return None
            directory, file = found
            target = self._link(directory, file)
            if target == "/dev/null":
                return Unit(name, f"{directory}/{file}", masked=True)
            alias = target.rpartition("/")[2]
            if not alias or alias == file:
                return Unit(name, f"{directory}/{file}", lines=self._lines(directory, file))
            instance = name.partition("@")[2] if file != name else ""
            name = alias.replace("@.", f"@{instance.rpartition('.')[0]}.") if instance else alias
        return None

    def _locate(self, name: str) -> tuple[str, str] | None:
        paths = self._places.values()
        return next(((path, name) for path in paths if self._root.status(f"{path}/{name}", follow=False)), None)

    def _link(self, directory: str, name: str) -> str:
        """Return what a unit file links to; nothing where it is a file."""
        return self._root.target(f"{directory}/{name}") or ""

    def _lines(self, directory: str, name: str) -> dict[tuple[str, str], tuple[tuple[str, ...], ...]]:
        """Return what the file and its drop-ins say."""
        dropins: dict[str, str] = {}
        for path in reversed(PATHS):
            own = f"{path}/{name}.d"
            dropins |= {each: f"{own}/{each}" for each in self._root.names(own) if each.endswith(".conf")}
        found: dict[tuple[str, str], tuple[tuple[str, ...], ...]] = {}
        for path in (f"{directory}/{name}", *(dropins[each] for each in sorted(dropins))):
            for key, words in _assignments(read(self._root, path)):
                found[key] = (*found.get(key, ()), words) if words else ()
        return found


def template_of(name: str) -> str:
    """Return the template of an instance; other names are their own."""
    prefix, at, rest = name.partition("@")
    return f"{prefix}@{rest[rest.rindex('.') :]}" if at and "." in rest else name


def _assignments(text: str) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    """Yield section and key of every assignment with its words."""
    section = ""
    for line in text.replace("\\\n", " ").split("\n"):
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            yield (section, key.strip()), tuple(value.split())
