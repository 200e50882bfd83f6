"""The package as people install it: a wheel in an environment of its own, with nothing beside it but PyYAML."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import yaml

from frontend import __version__
from tests.support.places import ROOT

pytestmark = pytest.mark.slow

GOOD = "base: debian\npackages: [nginx-light]\n"
BAD = "base: debian\npackges: [nginx-light]\n"


def run(*argv: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | environment
    return subprocess.run(
        [str(word) for word in argv], cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def done(*argv: str | Path) -> None:
    result = run(*argv)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that has the package."""
    home = tmp_path_factory.mktemp("package")
    done(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", home)
    (wheel,) = home.glob("*.whl")
    assert wheel.name == f"claylinux-{__version__}-py3-none-any.whl"
    venv.create(home / "venv")
    pip = (sys.executable, "-m", "pip", f"--python={home / 'venv'}", "--disable-pip-version-check", "install")
    done(*pip, "--quiet", "--no-index", "--no-deps", wheel)
    (packages,) = (home / "venv/lib").glob("python3*/site-packages")
    assert sorted(path.name for path in packages.iterdir()) == ["claylinux", f"claylinux-{__version__}.dist-info"]
    for part in (Path(yaml.__file__).parent, *Path(yaml.__file__).parents[1].glob("_yaml")):
        (packages / part.name).symlink_to(part)
    return home / "venv/bin"


def test_the_installed_command_checks_build_files(installed: Path, tmp_path: Path) -> None:
    for name, text in (("good.yaml", GOOD), ("bad.yaml", BAD)):
        (tmp_path / name).write_text(text)
    good = run(installed / "claylinux", "check", "good.yaml", cwd=tmp_path)
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    bad = run(installed / "claylinux", "check", "good.yaml", "bad.yaml", cwd=tmp_path)
    assert (bad.returncode, bad.stderr) == (1, "")
    assert bad.stdout.startswith("bad.yaml:2:1: error: unknown key `packges`: did you mean `packages`?\n")
    schema = run(installed / "claylinux", "schema", cwd=tmp_path)
    assert schema.stdout == (ROOT / "docs/claylinux.schema.json").read_text()


def test_its_own_packages_win_over_others_of_the_same_name(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec/__init__.py").write_text("raise SystemExit('the wrong spec')\n")
    told = run(installed / "claylinux", "--version", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert (told.stdout, told.stderr) == (f"claylinux {__version__}\n", "")
    assert run(installed / "python", "-c", "import frontend", cwd=tmp_path).returncode == 1


def test_the_working_tree_has_the_same_command(tmp_path: Path) -> None:
    told = run(sys.executable, "-m", "claylinux", "--version")
    assert told.stdout == f"claylinux {__version__}\n"
