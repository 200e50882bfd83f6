"""A real Docker Engine for tests: the fixtures `engine` and `throwaway_engine`."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from localengine import binfmt

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGES = ("debian:trixie", "claylinux/frontend")
BUILD_SECONDS = 900.0
# Number 0 is the client itself.
_PROGRESS = re.compile(r"#(?P<number>[1-9]\d*) (?P<text>.*)")
_TIMED = re.compile(r"\d+\.\d+ ")
_DONE = re.compile(r"DONE (?P<seconds>[\d.]+)s")
_SHORT = re.compile(r'"short": "([^"]*)"')


@dataclass(frozen=True)
class Vertex:
    """One step of a build, from its progress output."""

    name: str
    cached: bool
    seconds: float
    """The duration according to the log; 0.0 if cached."""


@dataclass(frozen=True)
class BuildResult:
    """The result of `docker buildx build`. `log` is its plain progress with the final error."""

    returncode: int
    log: str
    seconds: float

    @property
    def vertices(self) -> tuple[Vertex, ...]:
        """All steps in the order of their first appearance."""
        return parse_progress(self.log)

    @property
    def cached(self) -> tuple[str, ...]:
        """The names of the cached steps."""
        return tuple(vertex.name for vertex in self.vertices if vertex.cached)

    @property
    def executed(self) -> tuple[str, ...]:
        """The names of the steps that ran, without housekeeping. This always includes sources."""
        return tuple(
            vertex.name
            for vertex in self.vertices
            if not vertex.cached and not vertex.name.startswith(("[internal]", "exporting", "resolve image"))
        )

    def check(self) -> BuildResult:
        """Return the result itself, or fail the test with the build's log."""
        assert self.returncode == 0, f"the build failed:\n{self.log}"
        return self


def parse_progress(log: str) -> tuple[Vertex, ...]:
    """Return the steps in a log of `--progress=plain`."""
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
    """A running engine, and the environment in which `docker` uses it."""

    env: Mapping[str, str]
    instance: str = ""
    client: tuple[str, ...] = ()
    """The words before `docker buildx`, for example to run it as another user."""

    def docker(self, *args: str, timeout: float = 120.0) -> str:
        """Return the standard output of a docker command; fail the test if the command fails."""
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

        `output` is a directory or any value of --output. `args` may contain another -f.
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

    def warnings(self, context: Path, *args: str, build_args: Mapping[str, str]) -> str:
        """Return the warnings of a build with the file claylinux.yaml, a line each; the build has been run before.

        A log may lack some: buildx 0.13 ends while it prints them (strace shows its `exit_group(0)` between two). What
        `rawjson` has comes before.
        """
        built = self.buildx(
            context, "--progress=rawjson", *args, output="type=cacheonly", build_args=build_args
        ).check()
        return "\n".join(b64decode(each).decode() for each in _SHORT.findall(built.log))

    def registry_has(self, image: str) -> bool:
        """Tell whether a registry answers and has an image: for each platform that BuildKit may ask for."""
        argv = ["docker", "buildx", "imagetools", "inspect", image]
        return subprocess.run(argv, env=self.env, capture_output=True, timeout=120, check=False).returncode == 0

    @contextmanager
    def stand_in(self, image: str, architecture: str) -> Iterator[str]:
        """Have the content of an image for another architecture, under a name of its own, until the block ends."""
        name = f"claylinux-test/{image.replace(':', '-')}-{architecture}-{os.getpid()}"
        tool("base-image", f"--stand-in={name}", f"--architecture={architecture}", image, timeout=1800)
        try:
            yield name
        finally:
            self.docker("rmi", name)

    def kill(self) -> None:
        """Kill dockerd as abruptly as a power failure; only for an engine of `throwaway_engine`."""
        assert self.instance, "only an engine of `throwaway_engine` may be killed"
        daemon = self.daemon()
        assert daemon, "there is no engine to kill"
        os.kill(daemon, signal.SIGKILL)

    def daemon(self) -> int:
        """Return the process of the engine; 0 while there is none."""
        try:
            return int(Path(self.env["DOCKER_HOST"].removeprefix("unix://")).with_name("docker.pid").read_text())
        except (OSError, ValueError):
            return 0

    def give_images(self, other: Engine, images: tuple[str, ...] = IMAGES) -> None:
        """Copy images to another engine."""
        with subprocess.Popen(["docker", "save", *images], env=self.env, stdout=subprocess.PIPE) as save:
            load = ["docker", "load", "--quiet"]
            subprocess.run(load, env=other.env, stdin=save.stdout, capture_output=True, timeout=120, check=True)
        assert save.returncode == 0


def digests(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of each file below `directory` by relative path, so that equal outputs give equal results.

    A link stands for its text: what `etc/mtab` of a system leads to belongs to this machine.
    """
    found = {}
    for path in sorted(directory.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(directory))] = hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
        elif path.is_file():
            with path.open("rb") as file:
                found[str(path.relative_to(directory))] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


class ToolError(Exception):
    """A program of tools/ failed; its last words."""


def tool(*argv: str, env: Mapping[str, str] | None = None, timeout: float = 600.0, before: tuple[str, ...] = ()) -> str:
    """Run a program of tools/, with words `before` it; without it a test is skipped, and in CI it fails."""
    try:
        return run_tool(*argv, env=env, timeout=timeout, before=before)
    except ToolError as error:
        unavailable(f"tools/{' '.join(argv)}: {error}")
        raise


def run_tool(
    *argv: str, env: Mapping[str, str] | None = None, timeout: float = 600.0, before: tuple[str, ...] = ()
) -> str:
    """Run a program of tools/, with words `before` it, and return its output. Raises `ToolError`."""
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
        raise ToolError(done.stderr[-4000:])
    return done.stdout


def unavailable(reason: str) -> None:
    """End a test that this machine cannot run: skip it for a developer, fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def out_of_reach(reason: str) -> NoReturn:
    """Skip a test, in CI as well, whose data is nowhere to be had: neither beside the repository nor in a registry."""
    pytest.skip(reason)


def environment(*flags: str, suite: str = "") -> dict[str, str]:
    """Return the environment from `eval "$(tools/engine env)"`; `suite` selects the engine of that Debian release."""
    script = f'eval "$("{REPOSITORY}/tools/engine" env {" ".join(flags)})" && env -0'
    done = subprocess.run(["sh", "-c", script], env=_suite_env(suite), text=True, capture_output=True, check=True)
    env = dict(entry.split("=", 1) for entry in done.stdout.rstrip("\0").split("\0"))
    # buildx would pass it on as a build argument.
    env.pop("SOURCE_DATE_EPOCH", None)
    return env


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Return an engine with the base image and the frontend image of the working tree."""
    tool("engine", "up")
    tool("base-image", IMAGES[0])
    tool("frontend-image")
    return Engine(environment())


@pytest.fixture(scope="session")
def arm64() -> None:
    """A machine that runs programs of arm64, as tools/setup makes it."""
    if problem := binfmt.register():
        unavailable(f"programs of arm64 cannot run here: {problem}")


@pytest.fixture
def throwaway_engine(engine: Engine, tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Yield a function as of `throwaway`, for one test."""
    with throwaway(engine, tmp_path / "engine") as start:
        yield start


@contextmanager
def throwaway(engine: Engine, data_root: Path) -> Iterator[Callable[..., Engine]]:
    """Yield a function that starts or restarts a second engine with the same images, which the caller may kill.

    `suite` is the Debian release of its programs; `containerd_store` selects containerd's image store; `path` is a
    directory where it looks for programs first; `before` are the words before the command that starts it.
    """
    flags = ("--instance", f"test-{os.getpid()}", "--data-root", str(data_root))
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

    try:
        yield start
    finally:
        for suite in suites:
            tool("engine", "down", "--purge", *flags, env=_suite_env(suite))


def _suite_env(suite: str) -> dict[str, str]:
    return {**os.environ, "ENGINE_SUITE": suite} if suite else dict(os.environ)
