"""The engine's own errors, in the words of the build file."""

from __future__ import annotations

import pytest

import llb
from frontend.errors import EngineError
from frontend.failure import explain
from frontend.gateway import status as wire

SOURCE = llb.SourceFile(filename="claylinux.yaml", data=b"base: debian\n", language="YAML")
STEP = llb.execute(llb.scratch(), ["/bin/true"], name="[run 1/1] build", location=llb.SourceRange(1, 0, 1, 4)).root
FILE = llb.http("https://files.example/x", name="[files] https://files.example/x")
ONES, TWOS = (f"sha256:{digit * 64}" for digit in "12")


def explained(state: llb.State, message: str) -> str:
    definition = llb.marshal(state, SOURCE)
    status = wire.make(message)
    wire.add_detail(status, wire.VERTEX, {"digest": definition.digest_of(state)})
    return str(explain(EngineError(status), definition, SOURCE))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            'process "/bin/true" did not complete successfully: exit code: 127',
            "[run 1/1] build failed with exit code 127: a program was not found (see the output above)",
        ),
        (
            "secret a/b: not found",
            "[run 1/1] build needs the secret `a/b`: pass it with --secret id=a/b,src=FILE (or env=VARIABLE)",
        ),
        ("unset ssh forward key x", "[run 1/1] build needs the SSH agent `x`: pass it with --ssh x"),
        (
            'no SSH key "default" forwarded from the client',
            "[run 1/1] build needs the SSH agent `default`: pass it with --ssh default",
        ),
        ("something else", "something else"),
    ],
)
def test_a_step_that_failed(message: str, expected: str) -> None:
    assert explained(STEP, message) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("failed to load cache key: invalid response status 404", "invalid response status 404"),
        (
            f"failed to compute cache key: digest mismatch {ONES}: {TWOS}",
            f"its checksum is {ONES}, not {TWOS}: check the URL, or update `checksum` if the file changed",
        ),
        (
            "failed to load cache key: git error: exit status 128\nstderr:\nfatal: Authentication failed for 'x'\n",
            "Authentication failed for 'x': pass a token with --secret id=GIT_AUTH_TOKEN,env=VARIABLE",
        ),
        ("unset ssh forward key default", "needs the SSH agent `default`: pass it with --ssh default"),
    ],
)
def test_a_source_that_is_not_available(message: str, expected: str) -> None:
    separator = " " if expected.startswith("needs") else ": "
    assert explained(FILE, message) == f"[files] https://files.example/x{separator}{expected}"
