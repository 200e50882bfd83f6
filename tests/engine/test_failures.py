"""Failing builds as the user sees them: one clear message, the place, no traceback."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from functools import partial
from io import FileIO
from pathlib import Path

import pytest

from tests.engine.test_system import BASE, HEAD, build
from tests.support.engine import Engine

pytestmark = pytest.mark.engine

MARK = re.compile(r"^ +(\d+) \| >>> (.*)$", re.MULTILINE)


def failure(engine: Engine, tmp_path: Path, text: str, *args: str) -> tuple[str, list[tuple[int, str]]]:
    """Build, expect failure, and return the error with the marked lines (number, text)."""
    result = build(engine, tmp_path, text, *args)
    assert result.returncode != 0
    assert "Traceback" not in result.log
    assert "failed to solve:" in result.log, result.log
    message = result.log[result.log.rindex("failed to solve:") :]
    return message, [(int(number), line) for number, line in MARK.findall(result.log)]


def test_all_mistakes_at_once_each_with_its_line(engine: Engine, tmp_path: Path) -> None:
    """With either progress, a person who reads on after the last step sees the first mistake first."""
    text = HEAD + "base: debain\npackges: [x]\nhostname: -bad-\n"
    plain = build(engine, tmp_path, text).log
    for log in (plain, on_terminal(engine, tmp_path / "project")):
        before, _, message = log.partition("failed to solve: ")
        assert MARK.findall(log) == []
        assert re.fullmatch(r"( => .*|#\d+ (DONE|CACHED).*)", before.splitlines()[-2]), log
        lines = message.splitlines()
        assert [line.partition(": ")[0] for line in lines[::3]] == [
            f"claylinux.yaml:{at}" for at in ("2:7", "3:1", "4:11")
        ]
        assert "did you mean `debian`?" in lines[0]
        assert lines[1:3] == ["  base: debain", "        ^^^^^^"]


def on_terminal(engine: Engine, project: Path) -> str:
    """Build as a person does, at a terminal, and return what is on it."""
    terminal, end = pty.openpty()
    argv = ["docker", "buildx", "build", "--progress=tty", "--file=claylinux.yaml", "."]
    with (
        os.fdopen(terminal, "rb", buffering=0) as screen,
        subprocess.Popen(argv, cwd=project, env=engine.env, stdin=end, stdout=end, stderr=end),
    ):
        os.close(end)
        shown = b"".join(iter(partial(read, screen), b""))
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r\n", "\n")


def read(terminal: FileIO) -> bytes:
    try:
        return terminal.read(65536)
    except OSError:  # nobody writes to it any more
        return b""


def test_a_failing_step_points_at_its_line(engine: Engine, tmp_path: Path) -> None:
    message, marked = failure(engine, tmp_path, BASE + "run:\n  - 'true'\n  - {name: build it, script: exit 3}\n")
    assert "[run 2/2] build it failed with exit code 3" in message
    assert (5, "  - {name: build it, script: exit 3}") in marked


def test_missing_files_are_named_all_at_once(engine: Engine, tmp_path: Path) -> None:
    message, marked = failure(
        engine,
        tmp_path,
        BASE + "files:\n  /a: {source: nope}\n  /b: {source: neither}\n  /c: {context: x, source: y}\n",
    )
    assert "`nope` is not in the build context" in message
    assert "`neither` is not in the build context" in message
    assert "--build-context x=DIRECTORY" in message
    assert [number for number, _ in marked] == [4, 5, 6]


def test_a_base_that_cannot_boot_says_what_to_add(engine: Engine, tmp_path: Path) -> None:
    message, marked = failure(engine, tmp_path, BASE)
    assert "has no Linux kernel" in message
    assert "has no init (expected /sbin/init)" in message
    assert "systemd-sysv" in message
    assert (2, "base: {image: debian:trixie}") in marked


def test_an_image_that_does_not_exist(engine: Engine, tmp_path: Path) -> None:
    message, marked = failure(engine, tmp_path, HEAD + "base: {image: localhost:1/no/such:image}\n")
    assert "image `localhost:1/no/such:image`: " in message
    assert marked


def test_an_unknown_target(engine: Engine, tmp_path: Path) -> None:
    message, _ = failure(engine, tmp_path, BASE, "--target=rwa")
    assert 'unknown --target "rwa": did you mean `raw`?' in message


def test_a_package_that_does_not_exist(engine: Engine, tmp_path: Path) -> None:
    result = build(engine, tmp_path, BASE + "packages: [no-such-package-here]\n", "--target=image")
    assert result.returncode != 0
    assert "Unable to locate package no-such-package-here" in result.log
    assert "[packages] no-such-package-here failed with exit code 100" in result.log


def test_a_service_that_does_not_exist(engine: Engine, tmp_path: Path) -> None:
    """What is done in one step with it is not to blame."""
    text = BASE + "packages: [systemd-sysv]\ntimezone: Europe/Berlin\nservices: [nope, neither]\nversion: '1'\n"
    result = build(engine, tmp_path, text, "--target=image")
    assert result.returncode != 0
    assert "services: no such service: neither, nope" in result.log
    assert "failed to solve: [services] neither nope failed with exit code 1 (see the output above)" in result.log
    assert MARK.findall(result.log) == [("5", "services: [nope, neither]")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("timezone: Europe/Berln", "timezone: the system has no time zone Europe/Berln: did you mean Europe/Berlin?"),
        ("locale: de_DE.UTF-8", "locale: the system has no locale de_DE.UTF-8: add its package to `packages`"),
        ("keyboard: de", "keyboard: the system has no program that sets one: add console-setup to `packages`"),
    ],
)
def test_what_a_base_lacks_for_a_region(engine: Engine, tmp_path: Path, line: str, words: str) -> None:
    result = build(engine, tmp_path, f"{BASE}packages: [systemd-sysv]\n{line}\n", "--target=image")
    assert result.returncode != 0
    assert f"imager: error: {words}" in result.log
    assert MARK.findall(result.log) == [("4", line)]


def test_a_crash_of_our_own_is_readable(engine: Engine, tmp_path: Path) -> None:
    """An internal error of the frontend says that it is a bug, and where it is."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "system.py").write_text(
        "PlannedSystem = Stage = None\ndef plan_system(inputs): raise RuntimeError('on purpose')\n"
    )
    (broken / "Dockerfile").write_text(
        "FROM claylinux/frontend\nCOPY system.py /usr/lib/claylinux/frontend/plan/system.py\n"
        'RUN ["/usr/bin/python3", "-c", "import os; os.remove(\'/usr/lib/claylinux/frontend/start.compiled\')"]\n'
        'RUN ["/usr/bin/python3", "-c", "import glob, os; [os.remove(name) for name in '
        "glob.glob('/usr/lib/claylinux/frontend/plan/__pycache__/system.*')]\"]\n"
    )
    engine.buildx(broken, "--tag=claylinux-test/broken").check()
    try:
        text = BASE.replace("claylinux/frontend", "claylinux-test/broken")
        message, _ = failure(engine, tmp_path, text)
    finally:
        engine.docker("rmi", "claylinux-test/broken")
    assert "this is a bug in Claylinux" in message
    assert "RuntimeError: on purpose" in message
    assert "plan/system.py:2 in plan_system" in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n  : :\n\t- x", "claylinux.yaml:"),
        (b"a: &a [x,x]\nb: &b [*a,*a]\n", "claylinux.yaml:"),
        (b"[" * 100_000, "claylinux.yaml:"),
        (b"base: debian\n" + b"# " + b"x" * (10 << 20), "at most 1,048,576 bytes"),
        (b"base: \xff\xfe\x00", "claylinux.yaml:"),
        (b"".join(b"key%d: %s\n" % (n, b"x" * 5000) for n in range(200)), "unknown key `key0`"),
    ],
    ids=["empty", "syntax", "bomb", "deep", "huge", "binary", "many"],
)
def test_hopeless_files(engine: Engine, tmp_path: Path, content: bytes, words: str) -> None:
    """Whatever the file contains, the answer is a sentence, and it comes quickly."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "claylinux.yaml").write_bytes(HEAD.encode() + content)
    result = engine.buildx(project, timeout=20)
    assert result.returncode != 0
    assert words in result.log[result.log.rindex("failed to solve:") :]
