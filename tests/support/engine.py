"""A real Docker Engine for tests: the fixtures `engine` and `throwaway_engine`."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGES = ("debian:trixie", "claylinux/frontend")
BUILD_SECONDS = 900.0
# Number 0 is the client itself.
_PROGRESS = re.compile(r"#(?P<number>[1-9]\d*) (?P<text>.*)")
_TIMED = re.compile(r"\d+\.\d+ ")
_DONE = re.compile(r"DONE (?P<seconds>[\d.]+)s")


@dataclass(frozen=True)
class Vertex:
    """One step of a build as its progress shows it."""

    name: str
    cached: bool
    seconds: float
    """How long it took as far as the log says; 0.0 when cached."""


@dataclass(frozen=True)
class BuildResult:
    """What `docker buildx build` did. `log` is its plain progress with the final error."""

    returncode: int
    log: str
    seconds: float

    @property
    def vertices(self) -> tuple[Vertex, ...]:
        """All steps in the order in which they were first named."""
        return parse_progress(self.log)

    @property
    def cached(self) -> tuple[str, ...]:
        """The names of the steps that came from the cache."""
        return tuple(vertex.name for vertex in self.vertices if vertex.cached)

    @property
    def executed(self) -> tuple[str, ...]:
        """The names of the steps that did not, without housekeeping. Sources are always among them."""
        return tuple(
            vertex.name
            for vertex in self.vertices
            if not vertex.cached and not vertex.name.startswith(("[internal]", "exporting", "resolve image"))
        )

    def check(self) -> BuildResult:
        """Return itself, or fail the test with the build's log."""
        assert self.returncode == 0, f"the build failed:\n{self.log}"
        return self


def parse_progress(log: str) -> tuple[Vertex, ...]:
    """Read the steps out of a log of `--progress=plain`."""
    names: dict[str, str] = {}
    cached: set[str] = set()
    seconds: dict[str, float] = {}
    for line in log.splitlines():
        match = _PROGRESS.fullmatch(line)
        if not match:
            continue
        number, text = match["number"], match["text"]
        if text == "CACHED":
            cached.add(number)
        elif done := _DONE.fullmatch(text):
            seconds[number] = float(done["seconds"])
        elif number not in names and not _TIMED.match(text):
            names[number] = text
    return tuple(Vertex(name, key in cached, seconds.get(key, 0.0)) for key, name in names.items())


@dataclass(frozen=True)
class Engine:
    """An engine that answers, and the environment in which `docker` talks to it."""

    env: Mapping[str, str]
    instance: str = ""
    client: tuple[str, ...] = ()
    """Words in front of `docker buildx`, such as for another user."""

    def docker(self, *args: str, timeout: float = 120.0) -> str:
        """The standard output of one docker command; the test fails when the command does."""
        argv = ["docker", *args]
        done = subprocess.run(argv, env=self.env, text=True, capture_output=True, timeout=timeout, check=False)
        assert done.returncode == 0, f"{' '.join(argv)}:\n{done.stderr}"
        return done.stdout

    def buildx(
        self,
        context: Path,
        *args: str,
        output: Path | str | None = None,
        no_cache: bool = False,
        target: str | None = None,
        build_args: Mapping[str, str] | None = None,
        timeout: float = BUILD_SECONDS,
    ) -> BuildResult:
        """Run `docker buildx build` in `context` as a user would, with the file claylinux.yaml if there is one.

        `output` is a folder, or any value of --output. `args` may hold another -f.
        """
        argv = [*self.client, "docker", "buildx", "build", "--progress=plain"]
        named = any(arg.startswith(("-f", "--file")) for arg in args)
        if (context / "claylinux.yaml").exists() and not named:
            argv.append("--file=claylinux.yaml")
        if output is not None:
            argv.append(f"--output={output}")
        if no_cache:
            argv.append("--no-cache")
        if target is not None:
            argv.append(f"--target={target}")
        argv += [f"--build-arg={name}={value}" for name, value in (build_args or {}).items()]
        started = time.monotonic()
        done = subprocess.run(
            [*argv, *args, "."],
            cwd=context,
            env=self.env,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
        return BuildResult(done.returncode, done.stdout, time.monotonic() - started)

    def kill(self) -> None:
        """End dockerd like a power failure would; only an engine of `throwaway_engine` may be killed."""
        assert self.instance, "the shared engine is not ours to kill"
        pidfile = Path(self.env["DOCKER_HOST"].removeprefix("unix://")).with_name("docker.pid")
        os.kill(int(pidfile.read_text()), signal.SIGKILL)

    def give_images(self, other: Engine) -> None:
        """Copy the base and the frontend image into another engine."""
        with subprocess.Popen(["docker", "save", *IMAGES], env=self.env, stdout=subprocess.PIPE) as save:
            load = ["docker", "load", "--quiet"]
            subprocess.run(load, env=other.env, stdin=save.stdout, capture_output=True, timeout=120, check=True)
        assert save.returncode == 0


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below `folder`, by relative path: two equal outputs give equal results."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                found[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def tool(*argv: str, env: Mapping[str, str] | None = None, timeout: float = 600.0, before: tuple[str, ...] = ()) -> str:
    """Run a program of tools/, with words `before` it; without it a test is skipped, and in CI it fails."""
    done = subprocess.run(
        [*before, str(REPOSITORY / "tools" / argv[0]), *argv[1:]],
        env=env,
        text=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode != 0:
        unavailable(f"tools/{' '.join(argv)}: {done.stderr[-4000:]}")
    return done.stdout


def unavailable(reason: str) -> None:
    """End a test that lacks something of its machine: a skip for a developer, a failure in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def environment(*flags: str, suite: str = "") -> dict[str, str]:
    """The environment that `eval "$(tools/engine env)"` makes of ours; `suite`: of the engine of this Debian."""
    script = f'eval "$("{REPOSITORY}/tools/engine" env {" ".join(flags)})" && env -0'
    done = subprocess.run(["sh", "-c", script], env=_suite_env(suite), text=True, capture_output=True, check=True)
    env = dict(entry.split("=", 1) for entry in done.stdout.rstrip("\0").split("\0"))
    # buildx would hand it on as a build argument.
    env.pop("SOURCE_DATE_EPOCH", None)
    return env


@pytest.fixture(scope="session")
def engine() -> Engine:
    """An engine with the base image and the frontend image of the working tree."""
    tool("engine", "up")
    tool("base-image", IMAGES[0])
    tool("frontend-image")
    return Engine(environment())


@pytest.fixture
def throwaway_engine(engine: Engine, tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Start, or start again, a second engine that the test may kill; it has the same images.

    `suite` is the Debian release that its programs come from; `containerd_store`: with containerd's image store;
    `path`: a folder where it looks for programs first; `before`: words in front of what starts it.
    """
    flags = ("--instance", f"test-{os.getpid()}", "--data-root", str(tmp_path / "engine"))
    suites: set[str] = set()

    def start(
        suite: str = "", *, containerd_store: bool = False, path: Path | None = None, before: tuple[str, ...] = ()
    ) -> Engine:
        suites.add(suite)
        env = _suite_env(suite)
        if path is not None:
            env["PATH"] = f"{path}:{env['PATH']}"
        store = ("--containerd-store",) if containerd_store else ()
        tool("engine", "up", *flags, *store, env=env, before=before)
        own = Engine(environment(*flags, suite=suite), flags[1])
        if "claylinux/frontend" not in own.docker("images"):
            engine.give_images(own)
        return own

    yield start
    for suite in suites:
        tool("engine", "down", "--purge", *flags, env=_suite_env(suite))


def _suite_env(suite: str) -> dict[str, str]:
    return {**os.environ, "ENGINE_SUITE": suite} if suite else dict(os.environ)
