"""The packages in the databases of dpkg(1) and apk(8), read without their programs.

Sources: deb-control(5), dpkg-query(1) for states, and https://wiki.alpinelinux.org/wiki/Apk_spec for apk's letters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs.owners import APK
from imager.rootfs.root import LARGE, SMALL
from imager.rootfs.text import lines, pieces, read
from imager.sbom import licenses
from imager.sbom.component import Component, License, distinct, key, purl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imager.rootfs.root import Root

_STATUS, _STATUS_PARTS = "var/lib/dpkg/status", "var/lib/dpkg/status.d"
"""The second has a file for each package, in images without dpkg."""
_ABSENT = ("not-installed", "config-files")
"""States of packages that have no files, or only settings."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._-]*")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.:~_-]*")
_SOURCE = re.compile(r"(\S+)(?:\s+\((\S+)\))?")
_RPM = ("var/lib/rpm", "usr/lib/sysimage/rpm")
_READING = 16
"""So many bytes can be read, and forgotten, at the cost of one that is kept."""
_MOST = 64 << 20
"""What the packages may cost, in the bytes of `_Budget`. 4,000 packages of Debian cost 12 MB."""


@dataclass
class _Budget:
    """What is left to spend: a few lines of a database, or links to one file, become megabytes of a document."""

    left: int

    def take(self, cost: int) -> None:
        """Spend so much. Raises ImagerError if there is not enough."""
        self.left -= cost
        if self.left < 0:
            raise ImagerError("the package databases of this system say more than a list of its content can have")


def installed(root: Root, os_release: Mapping[str, str]) -> tuple[Component, ...]:
    """Return the packages of a system, sorted by name."""
    # Both paths of a database may lead to the same one.
    budget = _Budget(_MOST)
    found: dict[str, Component] = {}
    for each in chain(_dpkg(root, os_release, budget), _apk(root, os_release, budget)):
        budget.take(_cost(each))
        found[each.purl] = each
    return distinct(sorted(found.values(), key=lambda each: (each.name, each.purl)))


def has_unread_database(root: Root) -> bool:
    """Return whether a system has packages that are not among the `installed` ones: those of rpm."""
    return any(root.names(path) for path in _RPM)


def distro_of(os_release: Mapping[str, str]) -> str:
    """Return the qualifier `distro` of package URLs, by which scanners find the advisories of a distribution."""
    parts = (os_release.get("ID", ""), os_release.get("VERSION_ID", ""))
    return "-".join(part for part in parts if part)


def _cost(component: Component) -> int:
    """Return about how many bytes of memory a package needs, in any format."""
    names = sum(len(name) + 60 for name in component.license.names)
    return (
        1000 + names + 4 * len(component.supplier + component.version + component.purl + component.license.expression)
    )


def _dpkg(root: Root, os_release: Mapping[str, str], budget: _Budget) -> Iterator[Component]:
    parts = (f"{_STATUS_PARTS}/{name}" for name in root.names(_STATUS_PARTS) if not name.endswith(".md5sums"))
    for path, limit in ((_STATUS, LARGE), *((path, SMALL) for path in parts)):
        for paragraph in pieces(read(root, path, limit, errors="replace"), "\n\n"):
            budget.take(_READING + len(paragraph) // _READING)
            fields = _fields(paragraph)
            name, version = fields.get("Package", ""), fields.get("Version", "")
            state = fields.get("Status", "").split()
            if not (_NAME.fullmatch(name) and _VERSION.fullmatch(version)) or (state and state[-1] in _ABSENT):
                continue
            copyright_file = licenses.copyright_of(root, name)
            budget.take(len(copyright_file) // _READING)
            yield _deb(os_release, fields, name, version, licenses.of_copyright(copyright_file))


def _deb(
    os_release: Mapping[str, str], fields: Mapping[str, str], name: str, version: str, declared: License
) -> Component:
    architecture = fields.get("Architecture", "")
    stated = _SOURCE.fullmatch(fields.get("Source", ""))
    source, source_version = (stated[1], stated[2] or version) if stated else (name, version)
    differs = source != name or source_version != version
    upstream = f"{source}@{source_version}" if source_version != version else source
    return Component(
        key=key("deb", name, architecture),
        kind="package",
        name=name,
        version=version,
        purl=purl(
            "deb",
            os_release.get("ID", "debian"),
            name,
            version,
            arch=architecture,
            distro=distro_of(os_release),
            upstream=upstream if differs else "",
        ),
        license=declared,
        supplier=fields.get("Maintainer", ""),
        homepage=url(fields.get("Homepage", "")),
        source=source,
        source_version=source_version,
    )


def _fields(paragraph: str) -> dict[str, str]:
    """Return the first line of each field."""
    pairs = (line.partition(":") for line in paragraph.split("\n") if line[:1] not in (" ", "\t"))
    return {name: value.strip() for name, colon, value in pairs if colon}


def _apk(root: Root, os_release: Mapping[str, str], budget: _Budget) -> Iterator[Component]:
    for database in APK:
        for block in pieces(read(root, database, LARGE, errors="replace"), "\n\n"):
            budget.take(_READING + len(block) // _READING)
            # The files of the package follow its own lines.
            fields = {line[0]: line[2:] for line in reversed(lines(block.partition("\nF:")[0])) if line[1:2] == ":"}
            name, version = fields.get("P", ""), fields.get("V", "")
            if _NAME.fullmatch(name) and _VERSION.fullmatch(version):
                yield _alpine(os_release, fields, name, version)


def _alpine(os_release: Mapping[str, str], fields: Mapping[str, str], name: str, version: str) -> Component:
    origin = fields.get("o", "") or name
    return Component(
        key=key("apk", name),
        kind="package",
        name=name,
        version=version,
        purl=purl(
            "apk",
            os_release.get("ID", "alpine"),
            name,
            version,
            arch=fields.get("A", ""),
            distro=distro_of(os_release),
            upstream=origin if origin != name else "",
        ),
        license=licenses.of_expression(fields.get("L", "")),
        supplier=fields.get("m", ""),
        homepage=url(fields.get("U", "")),
        source=origin,
        source_version=version,
    )


def url(text: str) -> str:
    """Return the address of a home page, or nothing for other texts."""
    return text if re.fullmatch(r"https?://[!-~]+", text) else ""
