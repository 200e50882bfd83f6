"""Values that make no valid graph are refused where they are given, each with one clear line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import llb
from llb import LlbError

BASE = llb.image("debian")
BAD: list[tuple[str, Callable[[], object]]] = [
    ("working directory must be an absolute path, not 'src'", lambda: llb.execute(BASE, ["x"], cwd="src")),
    ("the arguments are empty", lambda: llb.execute(BASE, [])),
    ("the arguments are empty", lambda: llb.execute(BASE, [""])),
    ("must not contain a NUL", lambda: llb.execute(BASE, ["a\0b"])),
    ("is not valid text", lambda: llb.execute(BASE, ["\udcff"])),
    ("network must be one of default, none, host", lambda: llb.execute(BASE, ["x"], network="bridge")),
    ("the name of a variable is not empty and has no '='", lambda: llb.execute(BASE, ["x"], env=(("A=B", "1"),))),
    ("exit codes are between 0 and 255, not 256", lambda: llb.execute(BASE, ["x"], valid_exit_codes=(256,))),
    (
        "two mounts have the same target /a",
        lambda: llb.execute(BASE, ["x"], mounts=(llb.Tmpfs(target="/a/"), llb.Secret(target="/a", id="s"))),
    ),
    ("target of a mount must be an absolute path", lambda: llb.Tmpfs(target="tmp")),
    ("a mount cannot replace the root", lambda: llb.Bind(target="//", source=BASE)),
    ("number of bytes", lambda: llb.Tmpfs(target="/t", size=-1)),
    ("the cache mount at /c needs an id", lambda: llb.Cache(target="/c", id="")),
    ("sharing must be one of shared, private, locked", lambda: llb.Cache(target="/c", id="c", sharing="no")),
    ("the secret mount at /s needs an id", lambda: llb.Secret(target="/s", id="")),
    ("between 0 and 0o7777, not 0o10000", lambda: llb.Secret(target="/s", id="s", mode=0o10000)),
    ("uid of the ssh mount 'default' must be between 0 and 4294967295", lambda: llb.Ssh(uid=-1)),
    ("a secret variable needs a name", lambda: llb.SecretEnv(name="A=", id="s")),
    ("has a read-only root: take the output of a mount", lambda: llb.execute(BASE, ["x"], readonly_root=True).root),
    ("no writable bind mount to keep at /o", lambda: llb.execute(BASE, ["x"]).mount("/o")),
    (
        "no writable bind mount to keep at /o",
        lambda: llb.execute(
            BASE, ["x"], mounts=(llb.Bind(target="/o", source=BASE, readonly=False, keep=False),)
        ).mount("/o"),
    ),
    ("a file step needs an action", lambda: llb.edit(BASE)),
    ("must be an absolute path, not 'a'", lambda: llb.Mkdir("a")),
    ("the mode of /a must be between 0 and 0o777, not 0o4755", lambda: llb.Mkfile("/a", b"", mode=0o4755)),
    ("the root directory itself", lambda: llb.Mkfile("/", b"")),
    ("the root directory itself", lambda: llb.Rm("/..")),
    ("the target of the link /a is empty", lambda: llb.Symlink("", "/a")),
    ("a time is a number of nanoseconds", lambda: llb.Mkdir("/a", timestamp_ns=-1)),
    ("there is nothing to copy to /b", lambda: llb.Copy(llb.scratch(), "/a", "/b")),
    ("the source of a copy must be an absolute path", lambda: llb.Copy(BASE, "a", "/b")),
    ("number of an owner must be between", lambda: llb.Owner(1 << 32)),
    ("the name of an owner is empty", lambda: llb.Owner("")),
    ("a local source needs a name", lambda: llb.local("")),
    ("differ must be one of none, metadata", lambda: llb.local("x", differ="size")),
    ("resolve_mode must be one of default, pull, local", lambda: llb.image("x", resolve_mode="never")),
    ("named with its digest, not 'x:1'", lambda: llb.oci_layout("x:1", store_id="s")),
    ("the store of the OCI layout image", lambda: llb.oci_layout(f"x@sha256:{'0' * 64}", store_id="")),
    ("begins with https:// or http://", lambda: llb.http("ftp://host/x")),
    ("one path component, not 'a/b'", lambda: llb.http("https://host/x", filename="a/b")),
    ("must be sha256: and 64 hex digits", lambda: llb.http("https://host/x", checksum="md5:1")),
    ("between 0 and 0o777", lambda: llb.http("https://host/x", mode=0o1000)),
    ("no URL of a git repository", lambda: llb.git("not a url")),
    ("the name of a vertex must not contain a NUL", lambda: llb.image("x", name="a\0b")),
    ("no range of a file: 0:0-1:0", lambda: llb.SourceRange(0, 0, 1, 0)),
    ("no range of a file: 3:0-2:0", lambda: llb.SourceRange(3, 0, 2, 0)),
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
