"""The engine's own errors, in the words of the build file."""

from __future__ import annotations

import pytest

import llb
from frontend.config import ConfigError, Diagnostic, load
from frontend.distro.refusal import UNREACHABLE
from frontend.errors import EngineError
from frontend.failure import explain, to_status
from frontend.gateway import status as wire
from imager.failure import FAILED, MISUSED, numbered
from spec.positions import Position, Range
from tests.support.golden import check_golden
from tests.support.places import GOLDEN

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
            'process "/bin/true" did not complete successfully: exit code: 126',
            "[run 1/1] build failed with exit code 126: a program is not executable (see the output above)",
        ),
        (
            'process "/bin/true" did not complete successfully: exit code: 137',
            "[run 1/1] build failed with exit code 137: it was killed, usually because of too little memory",
        ),
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
    ("message", "line"),
    [
        ('process "/bin/sh" did not complete successfully: exit code: 1', 1),
        (f'process "/bin/sh" did not complete successfully: exit code: {UNREACHABLE}', 2),
        ("secret netrc: not found", 2),
        ("something else", 1),
    ],
)
def test_only_what_is_outside_points_at_the_lines_about_it(message: str, line: int) -> None:
    places = (llb.SourceRange(1, 0, 1, 4), llb.SourceRange(2, 0, 2, 4))
    step = llb.execute(llb.scratch(), ["/bin/sh"], name="[packages] x", location=places).root
    definition = llb.marshal(step, SOURCE)
    status = wire.make(message, SOURCE, places)  # as the engine tells all of them
    wire.add_detail(status, wire.VERTEX, {"digest": definition.digest_of(step)})
    told = explain(EngineError(status), definition, SOURCE).status
    ranges = [detail["ranges"] for detail in wire.details(told, wire.SOURCE)]
    assert [place[0]["start"]["line"] for place in ranges if isinstance(place, list)] == [line]
    assert any(wire.details(told, wire.VERTEX))


@pytest.mark.parametrize(
    ("code", "expected", "lines"),
    [
        (numbered(FAILED, 0), "[network] eth0 failed with exit code 1 (see the output above)", [1]),
        (numbered(MISUSED, 1), "[services] x failed with exit code 2 (see the output above)", [2]),
        (numbered(FAILED, 2), "[system] os-release: x failed with exit code 1 (see the output above)", []),
        (numbered(FAILED, 3), "[network] eth0; ... failed with exit code 25 (see the output above)", [1, 2]),
        (UNREACHABLE, f"[network] eth0; ... failed with exit code {UNREACHABLE} (see the output above)", [1, 2]),
        (
            137,
            "[network] eth0; ... failed with exit code 137: it was killed, usually because of too little memory",
            [1, 2],
        ),
    ],
)
def test_of_several_things_in_one_step_the_one_that_failed(code: int, expected: str, lines: list[int]) -> None:
    places = (llb.SourceRange(1, 0, 1, 4), llb.SourceRange(2, 0, 2, 4))
    parts = (
        llb.Part("[network] eth0", places[0]),
        llb.Part("[services] x", places[1]),
        llb.Part("[system] os-release: x"),
    )
    step = llb.execute(llb.scratch(), ["/bin/x"], name="[network] eth0; ...", location=places, parts=parts).root
    definition = llb.marshal(step, SOURCE)
    status = wire.make(f'process "/bin/x" did not complete successfully: exit code: {code}', SOURCE, places)
    wire.add_detail(status, wire.VERTEX, {"digest": definition.digest_of(step)})
    told = explain(EngineError(status), definition, SOURCE)
    assert str(told) == expected
    ranges = [detail.get("ranges") for detail in wire.details(told.status, wire.SOURCE)]
    assert sorted(place[0]["start"]["line"] for place in ranges if isinstance(place, list)) == lines


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


def mistaken(text: str) -> ConfigError:
    """Return what is wrong with a build file that includes part.yaml."""
    with pytest.raises(ConfigError) as caught:
        load(text.encode(), "claylinux.yaml", read=lambda _: b"packges: [x]\n")
    return caught.value


def shown(error: Exception, text: str) -> str:
    return to_status(error, llb.SourceFile(filename="claylinux.yaml", data=text.encode(), language="YAML")).message


def test_several_mistakes_each_with_its_line(update_golden: bool) -> None:
    case = GOLDEN / "failure" / "mistakes.yaml"
    check_golden(case.with_suffix(".txt"), shown(mistaken(case.read_text()), case.read_text()), update=update_golden)


def test_a_long_list_ends_with_how_much_is_left() -> None:
    text = "base: debian\n" + "".join(f"key{number}: {'x' * 5000}\n" for number in range(60))
    lines = shown(mistaken(text), text).split("\n")
    assert lines[0].startswith("claylinux.yaml:2:1: unknown key `key0`")
    assert lines[-1] == "... and 10 more"
    assert len(lines) == 3 * 50 + 1
    assert max(map(len, lines[1::3])) == 162


@pytest.mark.parametrize(
    ("line", "column", "end", "expected"),
    [
        ("a: b\r", 4, 5, "  a: b\n     ^\n"),
        ("\ta: bc", 5, 7, "  \ta: bc\n  \t   ^^\n"),
        ("a: \x1b[2Jb\u202e", 4, 4, "  a: \ufffd[2Jb\ufffd\n     ^\n"),
        (f"{'a' * 200}bc{'a' * 200}", 201, 203, f"  {'a' * 80}bc{'a' * 78}\n  {' ' * 80}^^\n"),
        (f"{'a' * 200}", 1, 201, f"  {'a' * 160}\n  {'^' * 160}\n"),
    ],
    ids=["carriage return", "tab", "escapes", "far to the right", "wide"],
)
def test_a_line_as_it_is_shown(line: str, column: int, end: int, expected: str) -> None:
    place = Range(Position(1, column), Position(1, end))
    error = ConfigError("f.yaml", (Diagnostic(place, "this"), Diagnostic(place._replace(file="part.yaml"), "that")))
    assert shown(error, line) == f"f.yaml:1:{column}: this\n{expected}part.yaml:1:{column}: that"
