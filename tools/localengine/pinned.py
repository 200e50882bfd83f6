"""The image that our own Dockerfiles start from: by its digest, or a stand-in where no registry answers."""

import re
import subprocess
from pathlib import Path

from localengine.baseimage import PULL_SECONDS, ensure
from localengine.say import say

STAGE = "distribution"
"""What the stage with the pinned image is called; a build context of this name takes its place."""
_PINNED = re.compile(rf"^FROM (?P<tag>\S+)@sha256:[0-9a-f]{{64}} AS {STAGE}$", re.MULTILINE)


def build_flags(dockerfile: Path, env: dict[str, str]) -> list[str]:
    """Have what `dockerfile` starts from in the engine of `env`; the flags that a build of it needs then.

    A stand-in has another digest, so it is given as the build context that replaces the stage.
    """
    match = _PINNED.search(dockerfile.read_text())
    assert match, f"{dockerfile} has no stage {STAGE}"
    pinned, tag = match[0].split()[1], match["tag"]
    if _ask(env, "image", "inspect", pinned) is not None:
        return []
    # An image that came from no registry has no digest there.
    stand_in = _ask(env, "image", "inspect", "--format={{len .RepoDigests}}", tag) == "0"
    if not stand_in and _ask(env, "pull", "--quiet", pinned) is not None:
        return []
    ensure(tag, env)
    say(f"building from {tag} as it is in the engine: no registry gave us the pinned one")
    return [f"--build-context={STAGE}=docker-image://{tag}"]


def _ask(env: dict[str, str], *argv: str) -> str | None:
    """What docker prints; None where it fails."""
    try:
        done = subprocess.run(
            ["docker", *argv], check=False, env=env, text=True, capture_output=True, timeout=PULL_SECONDS
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
