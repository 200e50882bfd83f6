"""What .github/workflows/release.yaml does is done here as far as it goes without pushing anything."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from frontend import __version__
from tests.support.engine import REPOSITORY, Engine

pytestmark = pytest.mark.engine

JOB = yaml.safe_load((REPOSITORY / ".github/workflows/release.yaml").read_text())["jobs"]["images"]
TAG = f"v{__version__}"


def script(name: str) -> str:
    (found,) = (step["run"] for step in JOB["steps"] if step.get("name") == name)
    assert "${{" not in found
    return str(found)


def test_the_images_are_for_both_architectures_with_attestations(engine: Engine, tmp_path: Path) -> None:
    """`docker buildx bake` only prints here what it would build, and push."""
    docker = shutil.which("docker", path=engine.env["PATH"])
    (tmp_path / "docker").write_text(f'#!/bin/sh\nshift 2\nexec {docker} buildx bake --print "$@" 2>/dev/null\n')
    (tmp_path / "docker").chmod(0o755)
    env = {
        **engine.env,
        "PATH": f"{tmp_path}:{engine.env['PATH']}",
        "REPOSITORY": "me",
        "PLATFORMS": JOB["env"]["PLATFORMS"],
        "GITHUB_REF_NAME": TAG,
    }
    told = subprocess.run(
        ["bash", "-euc", script("Push the images")], cwd=REPOSITORY, env=env, capture_output=True, text=True, check=True
    ).stdout
    targets: dict[str, dict[str, Any]] = {}
    while told.strip():
        document, end = json.JSONDecoder().raw_decode(told.lstrip())
        targets |= document["target"]
        told = told.lstrip()[end:]
    assert [*targets] == ["frontend", "imager", "alpine-lts", "alpine-stable", "alpine-virt"]
    for name, target in targets.items():
        assert target["platforms"] == ["linux/amd64", "linux/arm64"]
        assert target["tags"] == [f"me/{name}:latest", f"me/{name}:{__version__}"]
        assert {each.partition(",")[0] for each in target["attest"]} == {"type=provenance", "type=sbom"}
        assert "push=true" in str(target["output"])
    assert targets["frontend"]["labels"] == {"org.opencontainers.image.version": __version__}


@pytest.mark.parametrize(
    ("tag", "heading", "code"),
    [(TAG, __version__, 0), ("v99.0.0", __version__, 1), (TAG, "99.0.0", 1)],
    ids=["right", "another tag", "not in the changelog"],
)
def test_a_tag_is_the_version_that_the_changelog_has(tmp_path: Path, tag: str, heading: str, code: int) -> None:
    (tmp_path / "frontend").symlink_to(REPOSITORY / "frontend")
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## [{heading}] - 2026-01-01\n")
    steps = script("See that the tag is the version, and that the changelog has it")
    env = {"PATH": "/usr/bin:/bin", "GITHUB_REF_NAME": tag, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(["bash", "-euc", steps], cwd=tmp_path, env=env, capture_output=True, check=False)
    assert done.returncode == code, done.stderr
