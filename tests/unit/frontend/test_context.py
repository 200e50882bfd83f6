"""Contexts and the build file."""

from __future__ import annotations

import pytest

import llb
from frontend.context import (
    BUILD_FILE_LIMIT,
    Contexts,
    NamedContext,
    is_git,
    parse_ignore,
    read_build_file,
    read_context_file,
)
from frontend.errors import AnswerError, UserError
from frontend.gateway.client import Ref, Stat
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


def lines(state: llb.State) -> list[str]:
    return [line.strip() for line in llb.dump(llb.marshal(state)).splitlines()]


def test_a_remote_context_is_an_archive_that_is_unpacked_or_a_repository() -> None:
    archive = Contexts(options(context="https://host.example/x.tar.gz"))
    assert archive.is_remote
    said = lines(archive.main(("a",)))
    assert {'identifier: "https://host.example/x.tar.gz"', 'attrs[http.filename]: "context"'} < {*said}
    assert 'actions[0].copy.src: "/context"' in said
    assert "actions[0].copy.attemptUnpackDockerCompatibility: true" in said
    assert "#2 file  [internal] load remote build context https://host.example/x.tar.gz: unpack" in said
    repository = "\n".join(lines(Contexts(options(context="https://host.example/x.git#v1:sub")).main(())))
    assert "git://host.example/x.git#v1:sub" in repository
    assert not Contexts(options()).is_remote


def test_the_build_file_comes_from_where_the_context_does() -> None:
    client = FakeClient(files={"c.yaml": b"base: debian"})
    read_build_file(client, Contexts(options(context="https://host.example/x.git")))
    assert "git://host.example/x.git" in llb.dump(client.solved[0])
    tree = llb.marshal(llb.edit(llb.scratch(), llb.Mkdir("/a"))).to_pb()
    client = FakeClient(files={"c.yaml": b"base: debian"})
    contexts = Contexts(options(), inputs={"dockerfile": tree, "context": tree})
    read_build_file(client, contexts)
    assert "local://" not in llb.dump(client.solved[0])
    assert "local://" not in "\n".join(lines(contexts.main(("a",))))


@pytest.mark.parametrize(
    ("value", "kind", "rest"),
    [
        ("docker-image://x/y:1", "image", "x/y:1"),
        ("oci-layout://s@sha256:1", "oci-layout", "s@sha256:1"),
        ("local:a", "local", "a"),
        ("input:a", "input", "a"),
        ("https://host.example/x.git#v1", "git", "https://host.example/x.git#v1"),
        ("git@host.example:x", "git", "git@host.example:x"),
        ("https://host.example/x.tar", "http", "https://host.example/x.tar"),
        ("http://host.example/x.tar", "http", "http://host.example/x.tar"),
    ],
)
def test_what_a_named_context_can_be(value: str, kind: str, rest: str) -> None:
    assert Contexts(options(**{"context:a": value})).named("a") == NamedContext("a", kind, rest)


@pytest.mark.parametrize("value", ["ftp://host.example/x", "https", "folder"])
def test_a_context_that_is_nothing_of_these_is_refused(value: str) -> None:
    with pytest.raises(UserError, match="build context `a` must be a directory, an image or a URL; got"):
        Contexts(options(**{"context:a": value})).named("a")


def test_trees_of_named_contexts() -> None:
    tree = llb.edit(llb.scratch(), llb.Mkdir("/from-input"))
    contexts = Contexts(
        options(**{"context:l": "local:l", "local-sessionid:l": "s1", "context:i": "input:i", "context:n": "input:n",
                   "context:g": "https://host.example/x.git", "context:h": "https://host.example/x.tar"}),
        inputs={"i": llb.marshal(tree).to_pb()},
        ignore=("out",),
    )  # fmt: skip
    said = {name: "\n".join(lines(contexts.named_state(named(contexts, name), ("b", "a")))) for name in "ligh"}
    assert "[context l] load from client" in said["l"] and '[\\"a\\",\\"b\\"]' in said["l"] and "s1" in said["l"]
    assert "excludepatterns" not in said["l"], "the ignore file is that of the main context"
    assert "/from-input" in said["i"]
    assert "git://host.example/x.git" in said["g"]
    assert "https://host.example/x.tar" in said["h"]
    with pytest.raises(UserError, match="build context `n`: the engine has no input n"):
        contexts.named_state(named(contexts, "n"))


def named(contexts: Contexts, name: str) -> NamedContext:
    found = contexts.named(name)
    assert found is not None
    return found


def test_an_included_file_is_read_unless_it_is_none_or_huge() -> None:
    client = FakeClient(files={"a.yaml": b"x", "huge.yaml": b" " * (BUILD_FILE_LIMIT + 1)}, folders=frozenset({"d"}))
    contexts = Contexts(options())
    assert read_context_file(client, contexts, "a.yaml") == b"x"
    assert read_context_file(client, contexts, "b.yaml") is None
    assert read_context_file(client, contexts, "d") is None
    with pytest.raises(
        UserError, match=r"huge\.yaml: an included file can have at most 1,048,576 bytes; got 1,048,577"
    ):
        read_context_file(client, contexts, "huge.yaml")


def test_a_build_file_that_is_a_directory_is_named() -> None:
    with pytest.raises(UserError, match=r"c\.yaml is a directory: name the build file with -f FILE"):
        read_build_file(FakeClient(folders=frozenset({"c.yaml"})), Contexts(options()))


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


@pytest.mark.parametrize("kind", [1 << 31, 1 << 26, 1 << 25, 1 << 24, 1 << 26 | 1 << 21])
@pytest.mark.parametrize("name", ["c.yaml", "c.yaml.dockerignore", ".dockerignore"])
def test_only_regular_files_are_read(name: str, kind: int) -> None:
    class Unread(FakeClient):
        def stat_file(self, ref: Ref, path: str) -> Stat | None:
            return Stat(path, 0o644 | kind, 0) if path == name else super().stat_file(ref, path)

        def read_file(self, ref: Ref, path: str) -> bytes:
            assert path != name, "the engine would wait"
            return super().read_file(ref, path)

    client = Unread(files={"c.yaml": b"base: debian"})
    with pytest.raises(UserError, match=r"is (not a regular file|a directory)"):
        read_build_file(client, Contexts(options()))


def test_a_huge_ignore_file_is_refused_before_it_is_read() -> None:
    client = FakeClient(files={"c.yaml": b"base: debian", ".dockerignore": b"a\n" * (BUILD_FILE_LIMIT // 2 + 1)})
    with pytest.raises(UserError, match=r"\.dockerignore can have at most 1,048,576 bytes; got 1,048,578"):
        read_build_file(client, Contexts(options()))


def test_named_contexts_are_found_per_platform_first() -> None:
    contexts = Contexts(options(**{"context:a": "local:a", "context:a::linux/amd64": "docker-image://x/y:1"}))
    found = contexts.named("a")
    assert found is not None
    assert (found.kind, found.value) == ("image", "x/y:1")
    assert contexts.named("b") is None
    assert contexts.names() == ("a",)


@pytest.mark.parametrize("metadata", ["{", "[]", '{"containerimage.config": 1}', '{"containerimage.config": "a"}'])
def test_a_linked_target_without_sense_is_told(metadata: str) -> None:
    contexts = Contexts(options(**{"context:base": "input:base", "input-metadata:base": metadata}))
    found = contexts.named("base")
    assert found is not None
    with pytest.raises(AnswerError, match="what it says of the build context `base`"):
        contexts.input_config(found)


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


REMOTE = {"context": "http://x.example/dir/solo.yaml"}


def test_a_url_can_be_that_of_the_build_file() -> None:
    given = options(**REMOTE)
    found = read_build_file(FakeClient(files={"context": b"base: debian\n"}), Contexts(given))
    assert (found.is_context, found.source.filename, found.source.data) == (True, "solo.yaml", b"base: debian\n")


@pytest.mark.parametrize("archive", [b"\x1f\x8b\x08...", b"name" + bytes(253) + b"ustar\0"])
def test_a_url_of_an_archive_has_the_build_file_in_it(archive: bytes) -> None:
    client = FakeClient(files={"context": archive, "c.yaml": b"base: alpine\n"})
    found = read_build_file(client, Contexts(options(**REMOTE)))
    assert (found.is_context, found.source.data) == (False, b"base: alpine\n")


@pytest.mark.parametrize(
    ("caps", "digest"),
    [
        (frozenset(), "1fff2b6e452c1ac28e56dee2cc6e91458338c6b2a5c8043e6e8d428af5b44168"),
        (frozenset({"exec.validexitcode"}), "4fd14ed103c3a04e10fc84efeb17e8fc0f8a0fc22f4083111c2b63c459b4cd73"),
    ],
    ids=["BuildKit 0.13", "since 0.17"],
)
def test_the_download_is_the_vertex_of_the_engine(caps: frozenset[str], digest: str) -> None:
    """A context on standard input can be read only once. The first digest was read from the progress of Docker 26."""
    contexts = Contexts(options(context="http://127.0.0.1:8791/ctx.tgz"), caps=caps)
    state = contexts.remote_file()
    assert llb.marshal(state).digest_of(state) == f"sha256:{digest}"
