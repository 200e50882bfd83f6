"""The parts of a system, as every format of a bill of materials can tell them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["package", "operating-system", "firmware", "program", "file", "image"]
_PURL_SAFE = ":"
"""The canonical form leaves colons as they are, such as those of epochs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """The license that a part declares: an SPDX expression, or the `names` of licenses that SPDX does not list."""

    expression: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One part. `key` tells it from the others, in letters, digits, dots and hyphens (see `distinct`).

    `source` and `source_version` are the package that a package was built from. `sha256` is the digest of a file,
    `swhid` that of a directory (ISO/IEC 18670, as git has it). `location` is where it was fetched, `note` what else a
    person should know. `owner` is the key of the package that brought a file.
    """

    key: str
    kind: Kind
    name: str
    version: str = ""
    purl: str = ""
    license: License = License()
    supplier: str = ""
    homepage: str = ""
    source: str = ""
    source_version: str = ""
    sha256: str = ""
    swhid: str = ""
    location: str = ""
    note: str = ""
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """A system and all its known parts.

    `operating_system` is the distribution, which has the `packages`. `parts` are what boots it and what the build file
    brought. `base` is the image that the system was made from.
    """

    name: str
    version: str
    epoch: int
    generator: tuple[str, str]
    operating_system: Component | None
    packages: tuple[Component, ...]
    parts: tuple[Component, ...]
    base: Component | None
    note: str

    def components(self) -> Iterator[Component]:
        """Yield all parts in the order of a document."""
        yield from (each for each in (self.operating_system, self.base) if each is not None)
        yield from self.parts
        yield from self.packages


def key(*words: str) -> str:
    """Return a key made of `words`, in which a hyphen stands for any other letter."""
    safe = (letter if letter.isascii() and (letter.isalnum() or letter == ".") else "-" for letter in "-".join(words))
    return "".join(safe)


def distinct(components: Iterable[Component], taken: Iterable[str] = ()) -> tuple[Component, ...]:
    """Return the components, with a number behind each key that an earlier one has, or that is `taken`."""
    used, found = set(taken), []
    last: dict[str, int] = {}  # else many parts of one name would count up from 1 each
    for each in components:
        number, own = last.get(each.key, 1), each.key
        while own in used:
            number += 1
            own = f"{each.key}-{number}"
        last[each.key] = number
        used.add(own)
        found.append(replace(each, key=own))
    return tuple(found)


def purl(kind: str, namespace: str, name: str, version: str = "", subpath: str = "", **qualifiers: str) -> str:
    """Return a package URL (ECMA-427) in its canonical form, without the qualifiers that are empty."""
    from urllib.parse import quote

    place = "/".join(quote(part, safe=_PURL_SAFE) for part in (*namespace.split("/"), name) if part)
    query = "&".join(
        f"{each}={quote(value, safe=_PURL_SAFE + '/')}" for each, value in sorted(qualifiers.items()) if value
    )
    inner = "/".join(quote(part, safe=_PURL_SAFE) for part in subpath.split("/") if part not in ("", ".", ".."))
    return (
        f"pkg:{kind}/{place}"
        + (f"@{quote(version, safe=_PURL_SAFE)}" if version else "")
        + (f"?{query}" if query else "")
        + (f"#{inner}" if inner else "")
    )
