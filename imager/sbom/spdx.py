"""SPDX 2.3 as JSON (ISO/IEC 5962): https://spdx.github.io/spdx-spec/v2.3/ has every field.

Scanners look at a few of them: the package URL with `distro` and `upstream` (Grype), the package OperatingSystem, and
`sourceInfo` in the words "built package from: NAME VERSION" (Trivy).
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.sbom.component import Component, Inventory

_DOCUMENT, _SYSTEM = "SPDXRef-DOCUMENT", "SPDXRef-System"
_NAMESPACE = "https://spdx.org/spdxdocs"
"""What the specification suggests for documents that are published nowhere."""
_NONE = "NOASSERTION"
_PURPOSES = {
    "operating-system": "OPERATING-SYSTEM",
    "firmware": "FIRMWARE",
    "program": "APPLICATION",
    "file": "FILE",
    "image": "CONTAINER",
}
_MAINTAINER = re.compile(r"([^<>]*)<([^<>\s]+)>.*")


def render(inventory: Inventory) -> str:
    """Return the document."""
    document: dict[str, Any] = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": _DOCUMENT,
        "name": inventory.name,
        "comment": inventory.note,
        "creationInfo": {
            "created": datetime.fromtimestamp(inventory.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": [f"Tool: {'-'.join(inventory.generator)}"],
        },
        "packages": [_system(inventory), *(_package(each) for each in inventory.components())],
        "relationships": [
            {"spdxElementId": left, "relationshipType": kind, "relatedSpdxElement": right}
            for left, kind, right in _relationships(inventory)
        ],
    }
    content = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    unique = uuid5(NAMESPACE_URL, hashlib.sha256(content.encode()).hexdigest())
    document["documentNamespace"] = f"{_NAMESPACE}/{inventory.name}-{unique}"
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _system(inventory: Inventory) -> dict[str, Any]:
    return {
        "SPDXID": _SYSTEM,
        "name": inventory.name,
        **({"versionInfo": inventory.version} if inventory.version else {}),
        "downloadLocation": _NONE,
        "filesAnalyzed": False,
        "primaryPackagePurpose": "INSTALL",
        "comment": "The bootable system.",
    }


def _package(part: Component) -> dict[str, Any]:
    """Return a part. Fields without a value are left out, except for those that are required."""
    names = part.license.names
    fields: dict[str, Any] = {
        "SPDXID": _id(part.key),
        "name": part.name,
        "versionInfo": part.version,
        "supplier": _supplier(part.supplier),
        "downloadLocation": part.location or _NONE,
        "filesAnalyzed": False,
        "homepage": part.homepage,
        "licenseDeclared": part.license.expression or _NONE,
        "licenseComments": f"The package names: {', '.join(names)}" if names else "",
        "copyrightText": _NONE,
        "sourceInfo": f"built package from: {part.source} {part.source_version}" if part.source else "",
        "checksums": [{"algorithm": "SHA256", "checksumValue": part.sha256}] if part.sha256 else [],
        "externalRefs": list(_references(part)),
        "primaryPackagePurpose": _PURPOSES.get(part.kind, ""),
        "comment": part.note,
    }
    return {name: value for name, value in fields.items() if value not in ("", [])}


def _references(part: Component) -> Iterator[dict[str, str]]:
    for category, kind, locator in (
        ("PACKAGE-MANAGER", "purl", part.purl),
        ("PERSISTENT-ID", "swh", part.swhid),
    ):
        if locator:
            yield {"referenceCategory": category, "referenceType": kind, "referenceLocator": locator}


def _relationships(inventory: Inventory) -> Iterator[tuple[str, str, str]]:
    yield _DOCUMENT, "DESCRIBES", _SYSTEM
    above = _SYSTEM
    if inventory.operating_system is not None:
        above = _id(inventory.operating_system.key)
        yield _SYSTEM, "CONTAINS", above
    if inventory.base is not None:
        yield _SYSTEM, "DESCENDANT_OF", _id(inventory.base.key)
    for part in inventory.parts:
        yield _id(part.owner) if part.owner else _SYSTEM, "CONTAINS", _id(part.key)
    for package in inventory.packages:
        yield above, "CONTAINS", _id(package.key)


def _id(key: str) -> str:
    """Return the identifier of a part. Trivy takes the one that begins with OperatingSystem for the distribution."""
    return f"SPDXRef-{key}"


def _supplier(text: str) -> str:
    """Return who maintains a package, in the form that SPDX has for it. dpkg and apk do not tell people from teams."""
    if not text.strip():
        return ""
    found = _MAINTAINER.fullmatch(text.strip())
    name, address = (found[1], found[2]) if found else (text, "")
    name = " ".join(re.sub(r"[()]", " ", name).split())
    return f"Organization: {name or address}" + (f" ({address})" if address and name else "")
