"""CycloneDX 1.6 as JSON (ECMA-424): https://cyclonedx.org/docs/1.6/json/ has every field."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.sbom.component import Component, Inventory, License

_SYSTEM = "System"
# A scanner that reads this format (Trivy) takes the one operating-system for the distribution, so the whole is another.
_TYPES = {"package": "library", "program": "application", "image": "container"}


def render(inventory: Inventory) -> str:
    """Return the document."""
    tool, version = inventory.generator
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(inventory.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "tools": {"components": [{"type": "application", "name": tool, "version": version}]},
            "component": {
                "type": "platform",
                "bom-ref": _SYSTEM,
                "name": inventory.name,
                **({"version": inventory.version} if inventory.version else {}),
                "description": inventory.note,
            },
        },
        "components": [_component(each) for each in inventory.components()],
        "dependencies": [
            {"ref": above, "dependsOn": below} for above, below in _dependencies(inventory).items() if below
        ],
    }
    content = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    unique = uuid5(NAMESPACE_URL, hashlib.sha256(content.encode()).hexdigest())
    document["serialNumber"] = f"urn:uuid:{unique}"
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _component(part: Component) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "type": _TYPES.get(part.kind, part.kind),
        "bom-ref": part.key,
        "supplier": {"name": part.supplier} if part.supplier else {},
        "name": part.name,
        "version": part.version,
        "description": part.note,
        "hashes": [{"alg": "SHA-256", "content": part.sha256}] if part.sha256 else [],
        "licenses": list(_licenses(part.license)),
        "purl": part.purl,
        "swhid": [part.swhid] if part.swhid else [],
        "externalReferences": list(_references(part)),
    }
    return {name: value for name, value in fields.items() if value not in ("", [], {})}


def _licenses(declared: License) -> Iterator[dict[str, Any]]:
    if declared.expression:
        yield {"expression": declared.expression}
    for name in declared.names:
        yield {"license": {"name": name}}


def _references(part: Component) -> Iterator[dict[str, str]]:
    for kind, url in (("website", part.homepage), ("distribution", part.location)):
        if url:
            yield {"type": kind, "url": url}


def _dependencies(inventory: Inventory) -> dict[str, list[str]]:
    """Return which parts are in which, as the format has no other word for it that scanners follow."""
    packages = [each.key for each in inventory.packages]
    system = inventory.operating_system
    found: dict[str, list[str]] = {_SYSTEM: [system.key] if system else [*packages]}
    if system:
        found[system.key] = packages
    if inventory.base:
        found[_SYSTEM].append(inventory.base.key)
    for part in inventory.parts:
        found.setdefault(part.owner or _SYSTEM, []).append(part.key)
    return found
