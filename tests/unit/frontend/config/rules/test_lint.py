"""What the lint says to the files of tests/golden/lint, and how the program `check` tells it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from frontend import __version__
from frontend.cli import main
from frontend.config.rules.lint import BUILD_RULES, RULES, url
from tests.support.fake_client import FakeClient
from tests.support.golden import check_golden
from tests.support.places import ROOT
from tests.support.whole_request import ask, places, told

FOLDER = ROOT / "tests" / "golden" / "lint"
CASES = sorted(FOLDER.glob("*.yaml"))
ARGUMENTS = {"UndeclaredArg": ("SUITE=sid", "SUIT=sid", "EDITION=x", "TARGETARCH=arm64", "no_proxy=x")}
"""The build arguments of cases."""
OPEN_ROOT = 'base: debian\nusers: [{name: root, password: ""}]\n'


def check(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str]:
    """Run the program; return its exit code and what it printed."""
    code = main(["check", *argv])
    return code, capsys.readouterr().out


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_findings(
    case: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, update_golden: bool
) -> None:
    monkeypatch.chdir(FOLDER)
    code, text = check(capsys, case.name, *(f"--build-arg={each}" for each in ARGUMENTS.get(case.stem, ())))
    check_golden(case.with_suffix(".txt"), text, update=update_golden)
    assert code == (1 if ": error: " in text else 0)


@pytest.mark.parametrize("end", ["", "=1:9.2", "~=9", "<9", ">9", "/trixie-backports", ":arm64", "@edge"])
def test_a_package_is_known_by_its_name(capsys: pytest.CaptureFixture[str], tmp_path: Path, end: str) -> None:
    file = tmp_path / "claylinux.yaml"
    text = 'base: {{image: x}}\npackages: ["openssh-server{}"]\nusers: [{{name: a, password: ""}}]\n'
    file.write_text(text.format(end))
    assert "[UserWithoutPassword]" in check(capsys, str(file))[1]
    file.write_text(text.format("-extra"))
    assert "[UserWithoutPassword]" not in check(capsys, str(file))[1]


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("base: debian\npackages: [task-gnome-desktop]", True),
        ("base: debian\npackages: [sway]\nkernel: {for: server}", True),
        ("base: debian-cloud\npackages: [sway]\nkernel: {for: server}", True),
        ("base: debian\npackages: [sway]\nkernel: {for: desktop}", False),
        ("base: debian\npackages: [sway]\nkernel: {for: [server, desktop]}", False),
        ("base: debian\npackages: [sway]\nkernel: {for: [{source: machine.txt}]}", False),
        ("base: debian\npackages: [sway]\nkernel: {modules: {include: [/drivers/gpu/]}}", False),
        ("base: debian-cloud\npackages: [sway]", False),
        ("base: alpine-lts\npackages: [sway]", False),
        ("base: {image: x}\npackages: [sway]", False),
        ("base: debian\npackages: [xvfb, x11-apps, xserver-common, desktop-base, vlc]", False),
    ],
)
def test_a_desktop_needs_its_drivers(
    text: str, warned: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "claylinux.yaml"
    file.write_text(text)
    code, said = check(capsys, str(file))
    assert code == 0, said
    assert ("[DesktopDrivers]" in said) is warned


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_a_case_and_a_section(rule: str) -> None:
    # What only a build finds has its cases in test_plan_kernel.py.
    assert rule in BUILD_RULES or f"[{rule}]" in (FOLDER / f"{rule}.txt").read_text()
    headings = re.findall(r"^## (\S+)$", (ROOT / "docs/guide/lint.md").read_text(), re.MULTILINE)
    assert rule in headings
    assert url(rule).removeprefix("docs/guide/lint.md#") in {heading.lower() for heading in headings}


@pytest.mark.parametrize(
    "case", sorted((ROOT / "examples").glob("*/claylinux.yaml")), ids=lambda case: case.parent.name
)
def test_examples_raise_no_alarm(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--build-arg=VERSION=1.0.0"] if "VERSION:" in case.read_text() else []
    assert check(capsys, str(case), "--strict", *arguments) == (0, "")


def test_strict_fails_for_warnings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "claylinux.yaml"
    file.write_text(OPEN_ROOT)
    assert check(capsys, str(file))[0] == 0
    assert check(capsys, str(file), "--strict")[0] == 1


def test_json_and_github(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a,b.yaml").write_text(OPEN_ROOT)
    (note,) = json.loads(check(capsys, "a,b.yaml", "--format=json")[1])
    assert (note["rule"], note["severity"], note["start"]) == (
        "RootWithoutPassword", "warning", {"line": 2, "column": 32}
    )  # fmt: skip
    assert note["url"].endswith("/lint.md#rootwithoutpassword")
    assert check(capsys, "a,b.yaml", "--format=github")[1].startswith(
        "::warning file=a%2Cb.yaml,line=2,col=32,title=RootWithoutPassword::root has an empty password"
    )


def test_included_files_and_arguments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("part.yaml").write_text('users: [{name: root, password: ""}]\n')
    Path("claylinux.yaml").write_text("include: part.yaml\nargs: {V: '1'}\nbase: debian\nname: e-${V}-${TARGETARCH}\n")
    code, text = check(capsys, "claylinux.yaml", "--build-arg", "V=2")
    assert (code, text.splitlines()[0][:29]) == (0, "part.yaml:1:32: warning: root"[:29])
    assert 'users: [{name: root, password: ""}]' in text
    assert check(capsys, "claylinux.yaml", "--build-arg", "V=a b")[0] == 1


def test_nothing_outside_of_the_folder_is_included(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "outside.yaml").write_text("packages: [x]\n")
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    file = folder / "claylinux.yaml"
    for name in (str(tmp_path / "outside.yaml"), "link.yaml"):
        file.write_text(f"base: debian\ninclude: {name}\n")
        code, text = check(capsys, str(file))
        assert (code, "is not in the build context" in text) == (1, True)
    os.mkfifo(folder / "pipe.yaml")
    file.write_text("base: debian\ninclude: pipe.yaml\n")
    assert "is not in the build context" in check(capsys, str(file))[1]
    # As in a build, a path that starts with `/` starts at the context.
    (folder / "inside.yaml").write_text("packages: [x]\n")
    file.write_text("base: debian\ninclude: /inside.yaml\n")
    assert check(capsys, str(file)) == (0, "")


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "nowhere.yaml"]) == 2
    assert capsys.readouterr().err == "nowhere.yaml: No such file or directory\n"
    with pytest.raises(SystemExit, match="2"):
        main(["check"])


@pytest.mark.slow
def test_the_program_needs_no_grpc() -> None:
    script = "import sys, frontend.cli as c; code = c.main(sys.argv[1:]); print('grpc' in sys.modules); sys.exit(code)"
    file = FOLDER / "skip_all.yaml"
    argv = [sys.executable, "-c", script, "check", str(file)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "False\n")
    argv = [sys.executable, "-m", "frontend", "schema"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == (ROOT / "docs" / "claylinux.schema.json").read_text()


def test_a_build_warns() -> None:
    client = ask(OPEN_ROOT)
    assert client.result is not None
    assert [text.partition(":")[2][:7] for text in client.warned if "[RootWithoutPassword]" in text] == ["2: root"]


def test_a_dockerfile_takes_build_arguments_that_are_not_declared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "claylinux.yaml"
    file.write_text("base: {dockerfile: Dockerfile}\n")
    assert check(capsys, str(file), "--strict", "--build-arg=DEBIAN=trixie") == (0, "")


def test_a_build_tells_which_build_arguments_nothing_takes() -> None:
    (warning,) = ask("base: debian\n", FakeClient(), **{"build-arg:DEBIAN": "trixie"}).warned
    assert warning.startswith("claylinux.yaml:1: `--build-arg DEBIAN` has no effect")


def test_a_build_fails_where_the_file_wants_that() -> None:
    client = ask("# check=error=true\n" + OPEN_ROOT, FakeClient())
    assert "[RootWithoutPassword]" in told(client)
    assert places(client) == [3]


def test_the_program_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert (ended.value.code, capsys.readouterr().out) == (0, f"claylinux {__version__}\n")
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "[--version]" in capsys.readouterr().out, "a beginning of an option would do, too"
