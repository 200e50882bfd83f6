"""A real podman for tests, with its own storage: the fixture `podman`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.engine import Engine
from tests.support.vm import require_tool

BUILD_SECONDS = 600.0


@dataclass(frozen=True)
class Podman:
    """The command and its storage. The path of `runtime` has at most 50 characters, as Podman demands."""

    storage: Path
    runtime: Path

    def argv(self, *args: str) -> list[str]:
        """Return the command line of a podman command."""
        directories = [f"--root={self.storage}", f"--runroot={self.runtime}"]
        # The engine includes runc; Debian prefers crun, which rejects machines with both kinds of cgroups.
        runc = ["--runtime=runc"] if shutil.which("runc") else []
        return ["podman", *directories, "--storage-driver=overlay", *runc, *args]

    def run(self, *args: str, cwd: Path | None = None, timeout: float = BUILD_SECONDS) -> str:
        """Return the output of a podman command; fail the test if the command fails."""
        done = subprocess.run(
            self.argv(*args),
            cwd=cwd,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"podman {' '.join(args)}:\n{done.stdout}"
        return done.stdout

    def build(self, context: Path, *args: str) -> str:
        """Build in `context` without the cache.

        With the cache, podman before 4.4 mounts the first cached layer of a stage instead of the last one.
        """
        return self.run("build", "--no-cache", *args, ".", cwd=context)

    def take(self, engine: Engine, *images: str) -> None:
        """Copy images from the engine to this storage."""
        with subprocess.Popen(["docker", "save", *images], env=engine.env, stdout=subprocess.PIPE) as save:
            load = self.argv("load", "--quiet")
            done = subprocess.run(load, stdin=save.stdout, capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, save.returncode) == (0, 0), done.stderr


@pytest.fixture(scope="session")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Yield Podman as Debian ships it, without images."""
    require_tool("podman")
    with tempfile.TemporaryDirectory(prefix="podman-") as runtime:
        own = Podman(tmp_path_factory.mktemp("podman"), Path(runtime))
        yield own
        own.run("rmi", "--all", "--force")
        shutil.rmtree(own.storage)
