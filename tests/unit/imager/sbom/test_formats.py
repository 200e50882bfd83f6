"""Each fact of a part at its place in each format, and nothing where there is none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from imager.sbom import cyclonedx, spdx
from imager.sbom.component import Component, Inventory, License

SYSTEM = Component(key="OperatingSystem", kind="operating-system", name="debian", version="13")
PACKAGE = Component(
    key="deb-a-amd64",
    kind="package",
    name="a",
    version="1-2",
    purl="pkg:deb/debian/a@1-2",
    license=License(expression="MIT", names=("one", "two")),
    supplier="Some Team <team@lists.example>",
    homepage="https://a.example/",
    source="a-source",
    source_version="1",
    sha256="ab" * 32,
    swhid="swh:1:dir:" + "c" * 40,
    location="https://files.example/a",
    note="A note.",
)
KERNEL = Component(key="kernel-6", kind="program", name="linux", owner="deb-a-amd64")
FILE = Component(key="file-srv", kind="file", name="/srv")
BASE = Component(key="base", kind="image", name="debian:trixie")
INVENTORY = Inventory(
    name="edge",
    version="1.4",
    epoch=1_700_000_000,
    generator=("claylinux", "0.1"),
    operating_system=SYSTEM,
    packages=(PACKAGE,),
    parts=(KERNEL, FILE),
    base=BASE,
    note="All of it.",
)


def told(module: Any, inventory: Inventory) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(module.render(inventory))
    return document


def test_a_part_in_spdx() -> None:
    parts = told(spdx, INVENTORY)["packages"]
    assert parts[-1] == {
        "SPDXID": "SPDXRef-deb-a-amd64",
        "name": "a",
        "versionInfo": "1-2",
        "supplier": "Organization: Some Team (team@lists.example)",
        "downloadLocation": "https://files.example/a",
        "filesAnalyzed": False,
        "homepage": "https://a.example/",
        "licenseDeclared": "MIT",
        "licenseComments": "The package names: one, two",
        "copyrightText": "NOASSERTION",
        "sourceInfo": "built package from: a-source 1",
        "checksums": [{"algorithm": "SHA256", "checksumValue": "ab" * 32}],
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": PACKAGE.purl},
            {"referenceCategory": "PERSISTENT-ID", "referenceType": "swh", "referenceLocator": PACKAGE.swhid},
        ],
        "comment": "A note.",
    }
    assert parts[0] == {
        "SPDXID": "SPDXRef-System",
        "name": "edge",
        "versionInfo": "1.4",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "primaryPackagePurpose": "INSTALL",
        "comment": "The bootable system.",
    }
    assert parts[4] == {
        "SPDXID": "SPDXRef-file-srv",
        "name": "/srv",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "FILE",
    }
    assert [each.get("primaryPackagePurpose") for each in parts] == [
        "INSTALL", "OPERATING-SYSTEM", "CONTAINER", "APPLICATION", "FILE", None
    ]  # fmt: skip
    assert "versionInfo" not in told(spdx, replace(INVENTORY, version=""))["packages"][0]


def test_a_part_in_cyclonedx() -> None:
    parts = told(cyclonedx, INVENTORY)["components"]
    assert parts[-1] == {
        "type": "library",
        "bom-ref": "deb-a-amd64",
        "supplier": {"name": "Some Team <team@lists.example>"},
        "name": "a",
        "version": "1-2",
        "description": "A note.",
        "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
        "licenses": [{"expression": "MIT"}, {"license": {"name": "one"}}, {"license": {"name": "two"}}],
        "purl": PACKAGE.purl,
        "swhid": [PACKAGE.swhid],
        "externalReferences": [
            {"type": "website", "url": "https://a.example/"},
            {"type": "distribution", "url": "https://files.example/a"},
        ],
    }
    assert parts[3] == {"type": "file", "bom-ref": "file-srv", "name": "/srv"}
    assert [each["type"] for each in parts] == ["operating-system", "container", "application", "file", "library"]


LINKS = [
    ("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-System"),
    ("SPDXRef-System", "CONTAINS", "SPDXRef-OperatingSystem"),
    ("SPDXRef-System", "DESCENDANT_OF", "SPDXRef-base"),
    ("SPDXRef-deb-a-amd64", "CONTAINS", "SPDXRef-kernel-6"),
    ("SPDXRef-System", "CONTAINS", "SPDXRef-file-srv"),
    ("SPDXRef-OperatingSystem", "CONTAINS", "SPDXRef-deb-a-amd64"),
]


@pytest.mark.parametrize("strange", [False, True])
def test_what_is_in_what(strange: bool) -> None:
    """Of a system of strangers, neither the distribution nor the base is known."""
    inventory = replace(INVENTORY, operating_system=None, base=None) if strange else INVENTORY
    links = [tuple(each.values()) for each in told(spdx, inventory)["relationships"]]
    below = {each["ref"]: each["dependsOn"] for each in told(cyclonedx, inventory)["dependencies"]}
    if strange:
        assert links == [LINKS[0], *LINKS[3:5], ("SPDXRef-System", "CONTAINS", "SPDXRef-deb-a-amd64")]
        assert below == {"System": ["deb-a-amd64", "file-srv"], "deb-a-amd64": ["kernel-6"]}
    else:
        assert links == LINKS
        assert below == {
            "System": ["OperatingSystem", "base", "file-srv"],
            "OperatingSystem": ["deb-a-amd64"],
            "deb-a-amd64": ["kernel-6"],
        }


def test_the_heads_of_the_documents() -> None:
    document = told(spdx, INVENTORY)
    namespace = document["documentNamespace"]
    assert {name: value for name, value in document.items() if isinstance(value, str)} == {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "edge",
        "comment": "All of it.",
        "documentNamespace": namespace,
    }
    assert namespace.startswith("https://spdx.org/spdxdocs/edge-")
    assert document["creationInfo"] == {"created": "2023-11-14T22:13:20Z", "creators": ["Tool: claylinux-0.1"]}
    document = told(cyclonedx, INVENTORY)
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.6", 1)
    assert document["metadata"] == {
        "timestamp": "2023-11-14T22:13:20Z",
        "tools": {"components": [{"type": "application", "name": "claylinux", "version": "0.1"}]},
        "component": {
            "type": "platform", "bom-ref": "System", "name": "edge", "version": "1.4", "description": "All of it."
        },
    }  # fmt: skip
    for module in (spdx, cyclonedx):
        assert module.render(INVENTORY) == module.render(INVENTORY)
        assert module.render(INVENTORY).endswith("}\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" ", ""),
        ("Me", "Organization: Me"),
        ("Me (us) <a@b>", "Organization: Me us (a@b)"),
        ("<a@b>", "Organization: a@b"),
        ("Me <a b>", "Organization: Me <a b>"),
        ("Me <a@b>, You", "Organization: Me (a@b)"),
    ],
)
def test_suppliers(text: str, expected: str) -> None:
    parts = told(spdx, replace(INVENTORY, packages=(replace(PACKAGE, supplier=text),)))["packages"]
    assert parts[-1].get("supplier", "") == expected
