"""Platforms and image names: one canonical spelling each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llb import LlbError, Platform, Reference
from llb.reference import DEFAULT_DOMAIN as HUB

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", "linux/amd64"),
        ("amd64", "linux/amd64"),
        ("Linux/x86_64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/i386", "linux/386"),
        ("linux/x86-64", "linux/amd64"),
        ("macOS/arm64", "darwin/arm64"),
        ("linux/riscv64", "linux/riscv64"),
        ("windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"),
    ],
)
def test_platforms_are_normalised(text: str, expected: str) -> None:
    assert str(Platform.parse(text)) == expected


@pytest.mark.parametrize("text", ["", "linux/", "/amd64", "a/b/c/d", "linux/am d64", "linux//v7", "linux(/amd64"])
def test_bad_platforms_are_refused(text: str) -> None:
    with pytest.raises(LlbError, match="is not a platform"):
        Platform.parse(text)


WORD = st.sampled_from(
    ["linux", "Linux", "macos", "x86_64", "arm", "arm64", "aarch64", "armhf", "v7", "v8", "8", "i386"]
)


@given(WORD, WORD, st.one_of(st.just(""), WORD))
def test_normalising_twice_is_normalising_once(os: str, architecture: str, variant: str) -> None:
    once = Platform(os, architecture, variant).normalized()
    assert once.normalized() == once
    assert Platform.parse(str(once)) == once


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("debian", f"{HUB}/library/debian:latest", "debian"),
        ("debian:trixie", f"{HUB}/library/debian:trixie", "debian:trixie"),
        ("library/debian", f"{HUB}/library/debian:latest", "debian"),
        (f"index.{HUB}/debian", f"{HUB}/library/debian:latest", "debian"),
        (f"{HUB}/library/a/b", f"{HUB}/library/a/b:latest", "library/a/b"),
        ("claylinux/frontend", f"{HUB}/claylinux/frontend:latest", "claylinux/frontend"),
        ("ghcr.io/a/b:1.2_x", "ghcr.io/a/b:1.2_x", "ghcr.io/a/b:1.2_x"),
        ("localhost/a", "localhost/a:latest", "localhost/a"),
        ("localhost:5000/a", "localhost:5000/a:latest", "localhost:5000/a"),
        ("REG/a", "REG/a:latest", "REG/a"),
        ("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a"),
        (f"debian@sha256:{HEX}", f"{HUB}/library/debian@sha256:{HEX}", f"debian@sha256:{HEX}"),
        (f"debian:13@sha256:{HEX}", f"{HUB}/library/debian:13@sha256:{HEX}", f"debian:13@sha256:{HEX}"),
    ],
)
def test_image_names_are_normalised(text: str, full: str, familiar: str) -> None:
    reference = Reference.parse(text)
    assert str(reference) == full
    assert reference.familiar == familiar
    assert Reference.parse(full) == Reference.parse(familiar) == reference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not an image name"),
        ("Debian", "lower case"),
        ("ghcr.io/Some/Image", "lower case"),
        ("debian:", "is not an image name"),
        ("debian@", "is not an image name"),
        ("debian:a b", "is not a tag"),
        ("debian:" + "x" * 129, "is not a tag"),
        ("debian@sha256:12", "is not a digest"),
        ("a//b", "is not an image name"),
        ("https://host/x", "is not an image name"),
        ("-x/y", "is not an image name"),
        ("debian\n", "is not an image name"),
    ],
)
def test_bad_image_names_are_refused(text: str, message: str) -> None:
    with pytest.raises(LlbError, match=message):
        Reference.parse(text)


def test_pinning_keeps_the_tag() -> None:
    reference = Reference.parse("debian:trixie").with_digest(f"sha256:{HEX}")
    assert str(reference) == f"{HUB}/library/debian:trixie@sha256:{HEX}"
    # An engine may not know the digest of an image that only it has.
    assert reference.with_digest("") == reference
