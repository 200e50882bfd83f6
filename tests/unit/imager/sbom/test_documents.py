"""Whole documents, in the judgement of the validators of SPDX and CycloneDX."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import (
    validate_full_spdx_document,
)

from imager import commands
from imager.requests.sbom import Sbom
from imager.sbom import digests, sources
from spec.files import CopiedFile, FetchedFile
from tests.support.imager import make_kernel, make_system
from tests.unit.imager.sbom.test_licenses import HEAD
from tests.unit.imager.sbom.test_packages import INSTALLED, STATUS, write

DIGEST = "sha256:" + "1" * 64
FILES: Mapping[str, CopiedFile | FetchedFile] = {
    "/etc/app.conf": CopiedFile(source="app.conf"),
    "/etc/app+conf": CopiedFile(source="link"),
    "/opt/site": CopiedFile(source="site", git="git@git.example.org:me/site.git#v1.2:sub"),
    "/opt/other": CopiedFile(source="app.conf", git="https://git.example.org/a.git"),
    "/opt/tool": CopiedFile(source="site/tool", image="example/tool:1.2"),
    "/opt/ctx": CopiedFile(source="site/tool", context="web"),
    "/srv": FetchedFile(url="https://files.example/data%20a.tar.gz?v=1&x=a+b", checksum=DIGEST, unpack=True),
    "/usr/bin/new": FetchedFile(url="https://files.example/new"),
}


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A Debian with firmware, microcode and a copyright file."""
    path = make_system(tmp_path / "system")
    (path / "etc/os-release").write_text(
        'ID=debian\nVERSION_ID=13\nNAME="Debian (stable)"\nHOME_URL=https://d.example/\n'
    )
    write(path / "var/lib/dpkg/status", f"{STATUS}\nPackage: linux\nVersion: 6.1\nArchitecture: amd64\n\n{FIRMWARE}")
    write(path / "var/lib/dpkg/status.d/whole", "Package: linux-firmware-whole\nVersion: 1\n")
    write(path / "var/lib/dpkg/info/linux-firmware-whole.list", "/usr/lib/firmware\n/usr/lib/firmware/whole.bin\n")
    write(path / "usr/lib/firmware/whole.bin", "whole")
    write(path / "var/lib/dpkg/info/linux.list", "/boot/vmlinuz-6.1.0-1-amd64\n")
    write(path / "var/lib/dpkg/info/firmware-x.list", "/.\n/usr/lib/firmware/x\n" + LISTED)
    write(path / "usr/share/doc/kept/copyright", f"{HEAD}\nLicense: public-domain\n")
    write(path / "usr/share/doc/half/copyright", f"{HEAD}\nLicense: GPL-2+\n")
    write(path / "usr/lib/firmware/x/1.bin", "1")
    write(path / "usr/lib/firmware/own.bin", "own")
    write(path / "boot/intel-ucode.img", "microcode")
    return path


FIRMWARE = "Package: firmware-x\nVersion: 1\nArchitecture: all\n"
LISTED = "/usr/lib/firmware/x/1.bin\n/usr/lib/firmware/x/2.bin\n"


@pytest.fixture
def request_(system: Path, tmp_path: Path) -> Sbom:
    tree = tmp_path / "tree"
    write(tree / "app.conf", "a=b\n")
    write(tree / "site/tool", "tool")
    (tree / "link").symlink_to("/app.conf")
    write(tmp_path / "download/file", "new")
    (tmp_path / "stub").write_bytes(b"...#### LoaderInfo: systemd-stub 257.9-1~deb13u1 ####...")
    (tmp_path / "init").write_bytes(b"init")
    places = {FetchedFile: str(tmp_path / "download/file"), CopiedFile: str(tree)}
    return Sbom(
        system=str(system),
        output=str(tmp_path / "out.spdx.json"),
        name="edge",
        version="1.4.0 ü",
        generator="0.1.0",
        base=f"debian:trixie@{DIGEST}",
        file=FILES,
        tree=tuple(places[type(entry)] for entry in FILES.values()),
        origin=tuple(f"example/tool:1.2@{DIGEST}" if "tool" in place else "" for place in FILES),
        stub=str(tmp_path / "stub"),
        init=str(tmp_path / "init"),
        epoch=1_700_000_000,
    )


def written(request: Sbom) -> dict[str, Any]:
    commands.perform(request)
    document: dict[str, Any] = json.loads(Path(request.output).read_text())
    return document


def problems(path: str) -> list[str]:
    """Return what the validator of SPDX says against a document."""
    return [each.validation_message for each in validate_full_spdx_document(parse_file(path))]


def packages(request: Sbom) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in written(request)["packages"]}


def test_spdx_accepts_it(request_: Sbom) -> None:
    written(request_)
    assert problems(request_.output) == []


def test_cyclonedx_accepts_it(request_: Sbom, tmp_path: Path) -> None:
    document = written(replace(request_, form="cyclonedx", output=str(tmp_path / "out.cdx.json")))
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(json.dumps(document)) is None
    refs = [each["bom-ref"] for each in document["components"]]
    named = {ref for each in document["dependencies"] for ref in (each["ref"], *each["dependsOn"])}
    assert len(set(refs)) == len(refs)
    assert named == {*refs, document["metadata"]["component"]["bom-ref"]}
    assert [each["name"] for each in document["components"] if each["type"] == "operating-system"] == ["debian"]
    assert document["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"


def test_both_list_the_same(request_: Sbom, tmp_path: Path) -> None:
    spdx = written(request_)["packages"]
    cyclonedx = written(replace(request_, form="cyclonedx", output=str(tmp_path / "out.cdx.json")))
    purls = [ref["referenceLocator"] for each in spdx for ref in each.get("externalRefs", ()) if "pkg" in str(ref)]
    assert purls == [each["purl"] for each in cyclonedx["components"] if "purl" in each]
    for purl in purls:
        assert PackageURL.from_string(purl).to_string() == purl
    assert [each["name"] for each in spdx[1:]] == [each["name"] for each in cyclonedx["components"]]


def test_the_same_system_gives_the_same_bytes_and_another_one_another_address(request_: Sbom, system: Path) -> None:
    first, second = written(request_), written(request_)
    assert first == second
    write(system / "usr/lib/firmware/x/2.bin", "2")
    third = written(request_)
    assert third["documentNamespace"] != first["documentNamespace"]
    assert first["documentNamespace"].startswith("https://spdx.org/spdxdocs/edge-")


def test_what_boots_it(request_: Sbom, system: Path) -> None:
    found = packages(request_)
    assert found["systemd-stub"]["versionInfo"] == "257.9-1~deb13u1"
    assert found["claylinux-init"]["versionInfo"] == "0.1.0"
    assert found["linux"]["versionInfo"] == "6.1"  # the package; the kernel has the same name
    kernel = next(each for each in written(request_)["packages"] if each["SPDXID"].startswith("SPDXRef-kernel"))
    assert kernel["versionInfo"] == "6.1.0-1-amd64"
    assert "externalRefs" not in kernel, "the package has one"
    links = {(each["spdxElementId"], each["relatedSpdxElement"]) for each in written(request_)["relationships"]}
    assert ("SPDXRef-deb-linux-amd64", kernel["SPDXID"]) in links
    assert found["intel-ucode.img"]["primaryPackagePurpose"] == "FIRMWARE"
    assert found["firmware-x"]["comment"] == "The system has 1 of the 2 files of firmware in this package."
    assert "comment" not in found["linux-firmware-whole"], "it has all that it brought"
    assert found["firmware"]["comment"] == "1 files below /usr/lib/firmware that belong to no package."
    without = packages(replace(request_, stub="", init=""))
    assert "systemd-stub" not in without and "claylinux-init" not in without


def test_a_kernel_that_apk_does_not_know(request_: Sbom, tmp_path: Path) -> None:
    """The presets for Alpine unpack it."""
    system = make_system(tmp_path / "alpine", kernel="6.12.45-0-virt")
    (system / "boot/vmlinuz-6.12.45-0-virt").rename(system / "boot/vmlinuz-virt")
    (system / "boot/vmlinuz-virt").write_bytes(make_kernel("6.12.45-0-virt"))
    (system / "etc/os-release").write_text("ID=alpine\nVERSION_ID=3.22.1\n")
    write(system / "lib/apk/db/installed", INSTALLED)
    found = packages(replace(request_, system=str(system)))
    assert found["linux"]["externalRefs"][0]["referenceLocator"] == (
        "pkg:apk/alpine/linux-virt@6.12.45-r0?arch=x86_64&distro=alpine-3.22.1&upstream=linux-lts"
    )


def test_files_from_elsewhere(request_: Sbom) -> None:
    found = packages(request_)
    assert found["/etc/app.conf"]["comment"] == "Copied from app.conf of the build context."
    assert found["/opt/ctx"]["comment"] == "Copied from site/tool of the context web."
    assert found["/etc/app+conf"]["checksums"] == found["/etc/app.conf"]["checksums"], "a link is followed"
    assert found["/opt/site"]["downloadLocation"] == "git+ssh://git.example.org/me/site.git@v1.2#sub/site"
    assert found["/opt/site"]["externalRefs"][1]["referenceLocator"].startswith("swh:1:dir:")
    assert found["/opt/other"]["downloadLocation"] == "git+https://git.example.org/a.git#app.conf"
    assert found["/opt/tool"]["externalRefs"][0]["referenceLocator"] == (
        f"pkg:docker/example/tool@1.2?digest={DIGEST}#site/tool"
    )
    assert found["/srv"]["checksums"][0]["checksumValue"] == "1" * 64
    assert found["/usr/bin/new"]["checksums"][0]["checksumValue"] == (
        "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437"
    )
    assert found["debian:trixie"]["checksums"][0]["checksumValue"] == "1" * 64
    assert len({each["SPDXID"] for each in written(request_)["packages"]}) == len(written(request_)["packages"])


def test_a_file_without_a_digest_has_none_anywhere(tmp_path: Path) -> None:
    """One of more than 4 GiB, or one that is a pipe: neither is read."""
    with (tmp_path / "large").open("wb") as large:
        large.truncate(digests.LIMIT + 1)
    (tmp_path / "small").write_bytes(b"new")
    url = "https://files.example/a.img?x=1#y"
    entries: Mapping[str, tuple[CopiedFile | FetchedFile, str, str]] = {
        "/": (FetchedFile(url=url), str(tmp_path / "large"), ""),
        "/b": (FetchedFile(url=url), str(tmp_path / "small"), ""),
        "/c": (FetchedFile(url=url, checksum=DIGEST, unpack=True), str(tmp_path / "large"), ""),
        "/d": (CopiedFile(source="large"), str(tmp_path), ""),
        "/e": (CopiedFile(source="none"), str(tmp_path), ""),
    }
    large_, small, known, copied, none = sources.files(entries)
    address = "pkg:generic/a.img?{}download_url=https://files.example/a.img%3Fx%3D1%23y"
    new = "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437"
    assert (large_.key, large_.sha256, large_.purl) == ("file-root", "", address.format(""))
    assert (small.key, small.sha256, small.purl) == ("file-b", new, address.format(f"checksum=sha256:{new}&"))
    assert (known.sha256, known.purl) == ("1" * 64, address.format(f"checksum={DIGEST}&"))
    assert [each.note.partition(" ")[0] for each in (large_, known)] == ["Downloaded", "Unpacked"]
    assert [(each.sha256, each.swhid, each.purl, each.location) for each in (copied, none)] == [("", "", "", "")] * 2


def test_licenses_and_suppliers(request_: Sbom) -> None:
    found = packages(request_)
    assert found["half"]["licenseDeclared"] == "GPL-2.0-or-later"
    assert found["kept"]["licenseDeclared"] == "NOASSERTION"
    assert found["kept"]["licenseComments"] == "The package names: public-domain"
    assert found["libstdc++6"]["supplier"] == "Organization: Debian GCC Maintainers (debian-gcc@lists.example)"
    assert found["libstdc++6"]["sourceInfo"] == "built package from: gcc-14 14.2.0-19"
    assert found["debian"]["SPDXID"] == "SPDXRef-OperatingSystem"


def test_a_system_of_strangers(request_: Sbom, tmp_path: Path) -> None:
    """No os-release, no packages, no base, text that is none: still a document, which says what it lacks."""
    system = tmp_path / "strange"
    write(system / "var/lib/rpm/Packages", "")
    (system / "var/lib/dpkg").mkdir(parents=True)
    (system / "var/lib/dpkg/status").write_bytes(
        b"Package: a\nVersion: 1\nMaintainer: \xff\x1b[2J (x) <y@z>\nHomepage: javascript:x\n\n"
        b"Package: b\xff\nVersion: 1\n"
    )
    document = written(replace(request_, system=str(system), base="", file={}, tree=(), origin=()))
    assert problems(request_.output) == []
    assert "rpm" in document["comment"]
    assert [each["name"] for each in document["packages"]] == ["edge", "systemd-stub", "claylinux-init", "a"]
    assert "homepage" not in document["packages"][-1]
    assert sources.base("example/tool:1.2@sha256:ab").version == "sha256:ab"  # type: ignore[union-attr]
    assert sources.base("server.example:5000/tool:1.2").version == "1.2"  # type: ignore[union-attr]
    assert sources.base("server.example:5000/tool").version == ""  # type: ignore[union-attr]
