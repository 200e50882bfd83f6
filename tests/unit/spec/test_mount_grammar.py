"""The grammar of mounts: what each line means, and that no line can do worse than be refused."""

from __future__ import annotations

import re
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.values.mount_grammar import OPTIONS, parse_mount
from spec.values.run_mounts import BindMount, CacheMount, RunMount, SecretMount, SshMount, TmpfsMount
from tests.support.places import ROOT

WORDS = ["type", "bind", "cache", "secret", "ssh", "tmpfs", "target", "dst", "source", "src", "from", "id", "ro", "rw"]
WORDS += ["required", "env", "mode", "uid", "size", "sharing", "locked", "true", "/a", "0600", "1g", "x", "=", ",", '"']


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("target=/src", BindMount(target="/src")),
        (
            "type=bind,dst=/src//x/,src=/a/b/,from=web,rw",
            BindMount(target="/src/x", source="a/b", origin="web", writable=True),
        ),
        ("target=/src,rw=false", BindMount(target="/src")),
        ("destination=/src,readonly=false", BindMount(target="/src", writable=True)),
        ("Type=cache, TARGET=/root/.cache", CacheMount(target="/root/.cache", id="/root/.cache")),
        (
            "type=cache,id=go,target=/go,sharing=locked,ro,mode=0700,uid=1,gid=2",
            CacheMount(target="/go", id="go", sharing="locked", readonly=True, mode=0o700, uid=1, gid=2),
        ),
        ("type=cache,target=/c,from=web,source=x", CacheMount(target="/c", id="/c", origin="web", source="x")),
        ("type=tmpfs,target=/t", TmpfsMount(target="/t")),
        ("type=tmpfs,target=/t,size=64m", TmpfsMount(target="/t", size=64 << 20)),
        ("type=tmpfs,target=/t,size=1GiB", TmpfsMount(target="/t", size=1 << 30)),
        ("type=tmpfs,target=/t,size=5b", TmpfsMount(target="/t", size=5)),
        ("type=secret,id=a", SecretMount(id="a", target="/run/secrets/a")),
        ("type=secret,id=deep/a", SecretMount(id="deep/a", target="/run/secrets/a")),
        ("type=secret,target=/root/.netrc", SecretMount(id=".netrc", target="/root/.netrc")),
        ("type=secret,src=a,dst=/b", SecretMount(id="a", target="/b")),
        ("type=secret,id=a,env=A", SecretMount(id="a", target=None, env="A")),
        (
            "type=secret,id=a,env=A,target=/a,required,mode=444,uid=1,gid=2",
            SecretMount(id="a", target="/a", env="A", required=True, mode=0o444, uid=1, gid=2),
        ),
        ("type=ssh", SshMount()),
        ("type=ssh,id=x,target=/s,required=true,mode=0666", SshMount(id="x", target="/s", required=True, mode=0o666)),
        ('target=/a,"source=b,c"', BindMount(target="/a", source="b,c")),
    ],
)  # fmt: skip
def test_what_a_line_means(text: str, expected: RunMount) -> None:
    assert parse_mount(text) == expected


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("target=/a", ("/a", ".", "", False)),
        ("type=cache,target=/a", ("/a", "/a", "shared", False, "", ".", 0o755, 0, 0)),
        ("type=tmpfs,target=/a", ("/a", 0)),
        ("type=secret,id=a", ("a", "/run/secrets/a", None, False, 0o400, 0, 0)),
        ("type=ssh", ("default", None, False, 0o600, 0, 0)),
    ],
)
def test_what_is_not_said(text: str, values: tuple[object, ...]) -> None:
    """The defaults are those of a Dockerfile."""
    assert astuple(parse_mount(text)) == values


@given(st.one_of(st.text(), st.lists(st.sampled_from(WORDS)).map("".join)))
def test_a_line_is_a_mount_or_one_clear_sentence(text: str) -> None:
    try:
        mount = parse_mount(text)
    except ValueError as error:
        message = str(error)
        assert message and message.isprintable()
        assert type(error) is ValueError
    else:
        assert isinstance(mount, RunMount)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("type=bnd,target=/a", 'unknown mount type "bnd": did you mean `bind`?'),
        ("type=nfs,target=/a", 'unknown mount type "nfs": the types are `bind`, `cache`, `tmpfs`, `secret` and `ssh`'),
        ("type=ssh,size=1", "`type=ssh` has no option `size`: its options are "),
        ("tagret=/a", "unknown mount option `tagret`: did you mean `target`?"),
        ("nothing=1", "unknown mount option `nothing`: write options as `NAME=VALUE`, separated by commas"),
        ("target", "`target` needs a value: write `target=...`"),
        ("target=/a,dst=/b", "`target` is set twice: remove one of them"),
        ("type=secret,id=", "`id=` has no value: write one, or remove it"),
        ("target=a", '`target` must be a path below `/` (for example `/src`); got "a"'),
        ("target=/", '`target` must be a path below `/` (for example `/src`); got "/", which is the system itself'),
        ("target=/a/..", '(for example `/src`); got "/a/..", which is the system itself'),
        ('"target=/a', "has a quote that is not closed, or inside a word"),
    ],
)  # fmt: skip
def test_what_no_mount_is(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        parse_mount(text)


def test_the_page_has_every_option_of_every_type() -> None:
    page = (ROOT / "docs/guide/run.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", page, re.MULTILINE)
    assert {kind: tuple(re.findall(r"`(\w+)`", options)) for kind, options in rows} == OPTIONS


@pytest.mark.parametrize("kind", ["bind", "cache", "tmpfs"])
def test_what_needs_a_target(kind: str) -> None:
    with pytest.raises(ValueError, match="needs a target") as caught:
        parse_mount(f"type={kind}")
    assert str(caught.value) == f"a mount of type `{kind}` needs a target (for example `target=/src`)"
