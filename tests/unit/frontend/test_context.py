"""Contexts and the build file."""

from __future__ import annotations

import pytest

from frontend.context import BUILD_FILE_LIMIT, Contexts, is_git, parse_ignore, read_build_file
from frontend.errors import UserError
from frontend.options import BuildOptions, parse_options
from tests.support.fake_client import FakeClient


def options(**raw: str) -> BuildOptions:
    return parse_options({"filename": "c.yaml", **raw}, workers=[])


def test_ignore_patterns_are_cleaned_like_dockers() -> None:
    text = b"\xef\xbb\xbf# comment\n\n /out/ \n!keep/./me\n**/*.pyc\n!\n"
    assert parse_ignore(text) == ("out", "!keep/me", "**/*.pyc", "!")


def test_only_a_line_feed_ends_an_ignore_pattern() -> None:
    assert parse_ignore("a\r\nb\u2028!b\x0b!b\x85c\n".encode()) == ("a", "b\u2028!b\x0b!b\x85c")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://host/x.git", True),
        ("https://host/x.git#main:sub", True),
        ("git@host:x", True),
        ("ssh://host/x", True),
        ("https://host/x.tar.gz", False),
        ("folder", False),
    ],
)
def test_which_urls_are_git(url: str, expected: bool) -> None:
    assert is_git(url) is expected


def test_the_build_files_own_ignore_file_wins() -> None:
    client = FakeClient(files={"c.yaml": b"base: debian", "c.yaml.dockerignore": b"own", ".dockerignore": b"shared"})
    assert read_build_file(client, Contexts(options())).ignore == ("own",)


def test_the_contexts_ignore_file_is_the_fallback() -> None:
    client = FakeClient(files={"c.yaml": b"base: debian", ".dockerignore": b"shared"})
    assert read_build_file(client, Contexts(options())).ignore == ("shared",)


def test_a_missing_build_file_is_named() -> None:
    with pytest.raises(UserError, match=r"c\.yaml: no such file: name the build file with -f"):
        read_build_file(FakeClient(), Contexts(options()))


def test_a_huge_build_file_is_refused_before_it_is_read() -> None:
    class Unread(FakeClient):
        def read_file(self, ref: object, path: str) -> bytes:
            raise AssertionError("must not be read")

    client = Unread(files={"c.yaml": b" " * (BUILD_FILE_LIMIT + 1)})
    with pytest.raises(UserError, match="at most 1,048,576 bytes; got 1,048,577"):
        read_build_file(client, Contexts(options()))


def test_named_contexts_are_found_per_platform_first() -> None:
    contexts = Contexts(options(**{"context:a": "local:a", "context:a::linux/amd64": "docker-image://x/y:1"}))
    found = contexts.named("a")
    assert found is not None
    assert (found.kind, found.value) == ("image", "x/y:1")
    assert contexts.named("b") is None
    assert contexts.names() == ("a",)


def test_a_linked_target_brings_its_image_config() -> None:
    metadata = '{"containerimage.config": "eyJhIjogMX0="}'
    contexts = Contexts(options(**{"context:base": "input:base", "input-metadata:base": metadata}))
    found = contexts.named("base")
    assert found is not None
    assert contexts.input_config(found) == {"a": 1}


def test_files_may_come_from_an_image_but_not_from_an_oci_layout() -> None:
    contexts = Contexts(options(**{"context:a": "docker-image://x/y:1", "context:b": "oci-layout://s@sha256:1"}))
    image, layout = contexts.named("a"), contexts.named("b")
    assert image is not None
    assert layout is not None
    assert contexts.named_state(image).op is not None
    with pytest.raises(UserError, match="an OCI layout, which is not supported yet"):
        contexts.named_state(layout)
