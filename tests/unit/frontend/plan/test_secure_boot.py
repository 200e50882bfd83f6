"""When a build signs, what it needs for that, and that it never forgets to."""

from __future__ import annotations

import json

import pytest

import llb
from imager import memory
from tests.support.fake_client import FakeClient
from tests.support.whole_request import BOOTABLE, ask, names, places, told

FILES = {"db.crt": b"", "edge.sig": b"", "/uki.json": b'{"size": 1000}'}
BASE = "base: debian\noutputs: [raw, iso, efi]\n"
CERTIFICATE = "certificate: {source: db.crt}"
WITH_KEY = f"{BASE}secure_boot: {{{CERTIFICATE}, key: {{secret: db.key}}}}\n"
ELSEWHERE = f"{BASE}secure_boot: {{{CERTIFICATE}, signature: {{source: edge.sig}}}}\n"
MEASURED = f"{BASE}secure_boot: {{{CERTIFICATE}, key: {{secret: db.key}}, pcr_key: {{secret: pcr.key}}}}\n"
NEITHER = f"{BASE}secure_boot: {{{CERTIFICATE}}}\n"


def build(text: str, target: str = "", *without: str) -> FakeClient:
    files = {path: data for path, data in FILES.items() if path not in without}
    return ask(text, FakeClient(outputs={**BOOTABLE, **files}), **({"target": target} if target else {}))


def steps(client: FakeClient) -> list[str]:
    assert client.error is None, client.error
    return [name for name in names(client) if name.startswith(("[uki]", "[secure", "[output]", "[report]"))]


def test_one_signature_for_one_uki_in_all_outputs() -> None:
    """Even for those that share none otherwise: efi wants an os-release in it, disks do without."""
    assert steps(build(WITH_KEY)) == [
        "[secure boot] check key and certificate",
        "[uki] Linux 6.12",
        "[secure boot] predict the measurements",
        "[secure boot] sign",
        "[output] claylinux.img",
        "[output] claylinux.iso",
        "[output] claylinux.efi",
    ]


def test_measurements_are_signed_before_the_program_is() -> None:
    """So what somebody elsewhere signs has their signatures, too."""
    client = build(MEASURED)
    assert steps(client)[:5] == [
        "[secure boot] check keys and certificate",
        "[uki] Linux 6.12",
        "[secure boot] sign the measurements",
        "[secure boot] predict the measurements",
        "[secure boot] sign",
    ]
    assert steps(build(MEASURED, "tbs")) == [
        "[secure boot] check key and certificate",
        "[uki] Linux 6.12",
        "[secure boot] sign the measurements",
        "[secure boot] the bytes to sign",
    ]


@pytest.mark.parametrize("target", ["raw", "efi", "qcow2"])
def test_a_single_output_carries_the_same_uki(target: str) -> None:
    """What was signed elsewhere fits every target, so the UKI does not depend on it."""
    assert uki_of(build(ELSEWHERE, target)) == uki_of(build(ELSEWHERE)) == uki_of(build(ELSEWHERE, "tbs"))


def uki_of(client: FakeClient) -> str:
    """Return the step that makes the layout, in the last graph."""
    assert client.error is None, client.error
    (found,) = (line for line in llb.dump(client.solved[-1]).splitlines() if '"packing.Uki"' in line)
    return found


def test_key_and_certificate_are_looked_at_before_the_system_is_built() -> None:
    solved = [each for each in build(WITH_KEY).solved if any("[secure" in v.name for v in each.vertices.values())]
    assert not any("packages" in vertex.name for vertex in solved[0].vertices.values())


@pytest.mark.parametrize("target", ["", "raw", "iso", "efi"])
def test_without_key_or_signature_nothing_is_built(target: str) -> None:
    client = build(NEITHER, target)
    assert told(client) == (
        "`secure_boot` has no `key` and no `signature`: add one, or get what to sign with `--target tbs`"
    )
    assert places(client) == [3]


def test_what_to_sign_needs_neither_a_key_nor_the_signature() -> None:
    for text in (WITH_KEY, ELSEWHERE, NEITHER):
        assert steps(build(text, "tbs", "edge.sig")) == [
            "[secure boot] check certificate",
            "[uki] Linux 6.12",
            "[secure boot] the bytes to sign",
        ]
    client = build(BASE, "tbs")
    assert told(client).startswith("`--target tbs` needs the certificate of the key: write `secure_boot: ")
    assert places(client) == [1]


def test_an_oci_image_is_not_signed() -> None:
    assert not any("[secure" in name for name in names(build(WITH_KEY, "image", "db.crt")))


def test_a_report_is_about_what_is_shipped() -> None:
    assert steps(build(WITH_KEY, "report"))[-2:] == ["[secure boot] sign", "[report] sizes of claylinux"]
    assert steps(build(NEITHER, "report"))[-2:] == ["[uki] Linux 6.12", "[report] sizes of claylinux"]


@pytest.mark.parametrize(("text", "adds"), [(WITH_KEY, False), (MEASURED, True)], ids=["signed", "measured"])
def test_the_estimate_counts_what_the_stub_copies(text: str, adds: bool) -> None:
    """To add signatures of measurements, too, though a disk has no os-release."""
    text, size = text.replace("[raw, iso, efi]", "[raw]") + "limits: {ram: 1}\n", 100 << 20
    client = ask(
        text,
        FakeClient(outputs={**BOOTABLE, **FILES, "/uki.json": json.dumps({"size": size}).encode()}),
        target="report",
    )
    (found,) = (line for line in llb.dump(client.solved[-1]).splitlines() if '"reports.Sizes"' in line)
    assert f'"--stub-adds", "{str(adds).lower()}"' in found
    needed = memory.required_ram("overlay", size, 0, stub_adds=adds)
    assert any(f"needs about {memory.format_size(needed)}" in warning for warning in client.warned), client.warned


def test_a_file_that_is_not_there_is_told_at_its_line() -> None:
    client = build(ELSEWHERE, "", "edge.sig")
    assert told(client).startswith("`secure_boot`: signature: `edge.sig` is not in the build context: ")
    assert places(client) == [3]
