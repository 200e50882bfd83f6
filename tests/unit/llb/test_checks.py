"""Values that make no valid graph are refused where they are given, each with one clear line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import llb
from llb import LlbError

BASE = llb.image("debian")
BAD: list[tuple[str, Callable[[], object]]] = [
    ("working directory must be an absolute path; got 'src'", lambda: llb.execute(BASE, ["x"], cwd="src")),
    ("its arguments are empty", lambda: llb.execute(BASE, [])),
    ("its arguments are empty", lambda: llb.execute(BASE, [""])),
    ("must not contain a NUL", lambda: llb.execute(BASE, ["a\0b"])),
    ("must be valid Unicode text", lambda: llb.execute(BASE, ["\udcff"])),
    ("network must be one of default, none, host", lambda: llb.execute(BASE, ["x"], network="bridge")),
    ("a variable's name must not be empty or contain '='", lambda: llb.execute(BASE, ["x"], env=(("A=B", "1"),))),
    ("exit codes must be between 0 and 255; got 256", lambda: llb.execute(BASE, ["x"], valid_exit_codes=(256,))),
    (
        "two mounts have the same target /a",
        lambda: llb.execute(BASE, ["x"], mounts=(llb.Tmpfs(target="/a/"), llb.Secret(target="/a", id="s"))),
    ),
    ("target of a mount must be an absolute path", lambda: llb.Tmpfs(target="tmp")),
    ("a mount cannot replace the root", lambda: llb.Bind(target="//", source=BASE)),
    ("number of bytes; got -1", lambda: llb.Tmpfs(target="/t", size=-1)),
    ("the cache mount at /c needs an id", lambda: llb.Cache(target="/c", id="")),
    ("sharing must be one of shared, private, locked", lambda: llb.Cache(target="/c", id="c", sharing="no")),
    ("the secret mount at /s needs an id", lambda: llb.Secret(target="/s", id="")),
    ("between 0 and 0o7777; got 0o10000", lambda: llb.Secret(target="/s", id="s", mode=0o10000)),
    ("uid of the ssh mount 'default' must be between 0 and 4294967295", lambda: llb.Ssh(uid=-1)),
    ("a secret variable needs a name without '='", lambda: llb.SecretEnv(name="A=", id="s")),
    ("has a read-only root: use the output of a mount", lambda: llb.execute(BASE, ["x"], readonly_root=True).root),
    ("keeps no writable bind mount at /o", lambda: llb.execute(BASE, ["x"]).mount("/o")),
    (
        "keeps no writable bind mount at /o",
        lambda: llb.execute(
            BASE, ["x"], mounts=(llb.Bind(target="/o", source=BASE, readonly=False, keep=False),)
        ).mount("/o"),
    ),
    ("a file step needs at least one action", lambda: llb.edit(BASE)),
    ("must be an absolute path; got 'a'", lambda: llb.Mkdir("a")),
    ("the mode of /a must be between 0 and 0o777; got 0o4755", lambda: llb.Mkfile("/a", b"", mode=0o4755)),
    ("cannot create or remove the root directory", lambda: llb.Mkfile("/", b"")),
    ("cannot create or remove the root directory", lambda: llb.Rm("/..")),
    ("the target of the link /a is empty", lambda: llb.Symlink("", "/a")),
    ("a time must be a number of nanoseconds", lambda: llb.Mkdir("/a", timestamp_ns=-1)),
    ("cannot copy to /b: the source is the empty tree", lambda: llb.Copy(llb.scratch(), "/a", "/b")),
    ("the source of a copy must be an absolute path", lambda: llb.Copy(BASE, "a", "/b")),
    ("the owner's number must be between", lambda: llb.Owner(1 << 32)),
    ("the owner's name is empty", lambda: llb.Owner("")),
    ("a local source needs a name", lambda: llb.local("")),
    ("differ must be one of none, metadata", lambda: llb.local("x", differ="size")),
    ("resolve_mode must be one of default, pull, local", lambda: llb.image("x", resolve_mode="never")),
    ("needs a digest, for example name@sha256:...; got 'x:1'", lambda: llb.oci_layout("x:1", store_id="s")),
    (r"the OCI layout image '.*' needs a store id", lambda: llb.oci_layout(f"x@sha256:{'0' * 64}", store_id="")),
    ("must be a URL that begins with https:// or http://", lambda: llb.http("ftp://host/x")),
    ("one path component; got 'a/b'", lambda: llb.http("https://host/x", filename="a/b")),
    ("must be sha256: followed by 64 hex digits; got 'md5:1'", lambda: llb.http("https://host/x", checksum="md5:1")),
    ("between 0 and 0o777", lambda: llb.http("https://host/x", mode=0o1000)),
    ("is not the URL of a git repository", lambda: llb.git("not a url")),
    ("the name of a vertex must not contain a NUL", lambda: llb.image("x", name="a\0b")),
    ("0:0-1:0 is not a range of a file", lambda: llb.SourceRange(0, 0, 1, 0)),
    ("3:0-2:0 is not a range of a file", lambda: llb.SourceRange(3, 0, 2, 0)),
]


@pytest.mark.parametrize(("message", "make"), BAD, ids=[message for message, _ in BAD])
def test_bad_values_are_refused_in_one_line(message: str, make: Callable[[], object]) -> None:
    with pytest.raises(LlbError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_errors_are_value_errors() -> None:
    assert issubclass(LlbError, ValueError)


def test_the_name_of_a_vertex_is_one_line_that_a_terminal_only_shows() -> None:
    state = llb.image("x", name="two\nlines\t\x1b[1mbold\x9b ä\u2028")
    assert state.op is not None
    assert state.op.vertex.name == r"two\nlines\t\x1b[1mbold\x9b ä\u2028"
