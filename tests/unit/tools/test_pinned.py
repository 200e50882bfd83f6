"""Our own Dockerfiles start from a digest, one and the same, which a bot raises."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from localengine import pinned
from tests.support.places import ROOT

PINNED = f"debian:trixie@sha256:{'a' * 64}"
STAND_IN = ["--build-context=distribution=docker-image://debian:trixie"]
DOCKERFILES = ("Dockerfile.frontend", "emulator/Dockerfile", "tools/lint.Dockerfile")


def test_every_image_of_our_own_dockerfiles_is_pinned() -> None:
    starts = set()
    for name in DOCKERFILES:
        text = (ROOT / name).read_text()
        stages = set(re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE))
        images = set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - stages - {"scratch"}
        # What users build with it, by choice, is theirs.
        starts |= {image for image in images if not image.startswith("${")}
    (image,) = starts
    assert re.fullmatch(r"debian:trixie@sha256:[0-9a-f]{64}", image)


def test_a_bot_raises_the_digests() -> None:
    config = yaml.safe_load((ROOT / ".github/dependabot.yaml").read_text())
    (docker,) = (update for update in config["updates"] if update["package-ecosystem"] == "docker")
    assert {Path("/", name).parent for name in DOCKERFILES} == set(map(Path, docker["directories"]))


@pytest.mark.parametrize(
    ("answers", "flags", "asked"),
    [
        ({"inspect pinned": "[]"}, [], ["inspect pinned"]),
        ({"pull pinned": ""}, [], ["inspect pinned", "digests", "pull pinned"]),
        ({"digests": "1", "pull pinned": ""}, [], ["inspect pinned", "digests", "pull pinned"]),
        (
            {"digests": "0"},
            STAND_IN,
            ["inspect pinned", "digests"],
        ),
        (
            {},
            STAND_IN,
            ["inspect pinned", "digests", "pull pinned"],
        ),
    ],
    ids=["there", "pulled", "another is there", "stand-in is there", "no registry"],
)
def test_a_stand_in_takes_the_place_of_the_pinned_image(
    answers: dict[str, str], flags: list[str], asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where no registry has it; and an image of the user's own never does while one answers."""
    seen = []

    def docker(argv: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        words = {"inspect": "digests" if "--format={{len .RepoDigests}}" in argv else "inspect pinned"}
        seen.append(words.get(argv[2], "pull pinned"))
        assert argv[-1] == ("debian:trixie" if seen[-1] == "digests" else PINNED)
        return subprocess.CompletedProcess(argv, 0 if seen[-1] in answers else 1, answers.get(seen[-1], ""))

    made: list[str] = []
    monkeypatch.setattr(subprocess, "run", docker)
    monkeypatch.setattr(pinned, "ensure", lambda tag, env: made.append(tag))
    (tmp_path / "Dockerfile").write_text(f"FROM {PINNED} AS distribution\nFROM distribution\n")
    assert pinned.build_flags(tmp_path / "Dockerfile", {}) == flags
    assert seen == asked
    assert made == (["debian:trixie"] if flags else [])
