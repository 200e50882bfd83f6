"""Build caches outside of the engine; tests/boot/test_registry.py tests systems in registries."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.support.engine import REPOSITORY, Engine, digests
from tests.support.registry import Registry

pytestmark = pytest.mark.engine

RANDOM = """\
# syntax=claylinux/frontend
base: {{image: "{host}/small"}}
run: ["head -c 16 /dev/urandom | hexdump >/etc/random"]
version: "1"
outputs: [efi, raw]
"""
"""Without a cache, this never gives the same image twice."""
WORKFLOW = REPOSITORY / "examples/ci/image.yaml"


@pytest.fixture
def context(registry: Registry, tmp_path: Path) -> Path:
    """Return a build file whose base is the system in the registry."""
    directory = tmp_path / "context"
    directory.mkdir()
    (directory / "claylinux.yaml").write_text(RANDOM.format(host=registry.host))
    return directory


def test_a_fresh_engine_continues_from_the_cache_of_another(
    throwaway_engine: Callable[..., Engine], registry: Registry, small: Path, context: Path, tmp_path: Path
) -> None:
    """With --cache-to and --cache-from, in a registry and in a directory."""
    engine = throwaway_engine(containerd_store=True)
    engine.buildx(small, target="system", output=f"type=image,name={registry.host}/small,push=true").check()
    kinds = {
        "registry": (f"ref={registry.host}/cache", f"ref={registry.host}/cache"),
        "local": (f"dest={tmp_path}/cache", f"src={tmp_path}/cache"),
    }
    first: dict[str, str] = {}
    for kind, (to, source) in kinds.items():
        exported, imported = tmp_path / f"{kind}-1", tmp_path / f"{kind}-2"
        engine.docker("builder", "prune", "--all", "--force")
        engine.buildx(context, f"--cache-to=type={kind},{to},mode=max", output=exported).check()
        engine.docker("builder", "prune", "--all", "--force")
        engine.buildx(context, f"--cache-from=type={kind},{source}", output=imported).check()
        assert digests(imported) == digests(exported) != first
        first = digests(exported)
    # The documented workflow, run repeatedly on machines without a cache.
    runs = []
    for _ in range(2):
        engine.docker("builder", "prune", "--all", "--force")
        run_workflow(engine, context, image=f"{registry.host}/mine")
        runs.append(digests(context / "out"))
    assert runs[0] == runs[1] != first


@pytest.mark.parametrize("containerd_store", [True, False], ids=["containerd store", "classic store"])
def test_a_pushed_image_is_a_cache(
    containerd_store: bool,
    throwaway_engine: Callable[..., Engine],
    registry: Registry,
    small: Path,
    context: Path,
    tmp_path: Path,
) -> None:
    """With --cache-to=type=inline, which an engine with the classic image store can also export."""
    engine = throwaway_engine(containerd_store=containerd_store)
    engine.buildx(small, target="system", output=f"type=image,name={registry.host}/small,push=true").check()
    image = f"{registry.host}/inline"
    pushed = f"type=image,name={image},push=true"
    engine.buildx(context, "--cache-to=type=inline", target="image", output=pushed).check()
    engine.buildx(context, target="image", output=tmp_path / "first").check()
    random = (tmp_path / "first/etc/random").read_text()
    for number, target in enumerate(("image", None)):
        engine.docker("builder", "prune", "--all", "--force")
        source = f"--cache-from=type=registry,ref={image}"
        out = tmp_path / str(number)
        again = engine.buildx(context, source, target=target, output=out).check()
        assert "[run 1/1] head -c 16 /dev/urandom | hexdump >/etc/random" in again.cached, again.log
        if target:
            assert "[system] os-release: claylinux 1" in again.cached, "a step of the imager must come from the cache"
            assert (out / "etc/random").read_text() == random


def run_workflow(engine: Engine, context: Path, image: str) -> None:
    """Run the workflow's build step for a push."""
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["image"]["steps"]
    (script,) = (step["run"] for step in steps if step.get("name") == "Build the disk image")
    pushing = re.sub(r"\$\{\{ github.event_name == 'push' && '(.*)' \|\| '' \}\}", r"\1", script)
    assert pushing.count("--cache-to=") == 1 and "${{" not in pushing
    env = {**engine.env, "IMAGE": image, "SOURCE_DATE_EPOCH": "1700000000"}
    subprocess.run(["bash", "-euc", pushing], cwd=context, env=env, check=True, timeout=300, stdin=subprocess.DEVNULL)
