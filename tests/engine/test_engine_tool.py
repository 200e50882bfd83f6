"""tools/engine on this machine: start, use, kill, start again; and the reader of build logs."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.engine import REPOSITORY, Engine, Vertex, parse_progress, tool

STEPS = "FROM debian:trixie AS work\nRUN {command} && echo content >/made\nFROM scratch\nCOPY --from=work /made /\n"


def run_engine(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run tools/engine with changed variables."""
    return subprocess.run(
        [str(REPOSITORY / "tools/engine"), *args],
        env=os.environ | env,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def processor_seconds() -> float:
    """Return the cost of the processes that ended so far. Other work on the machine does not count."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write_build(directory: Path, command: str) -> Path:
    """Return a build context with one step that runs `command`."""
    directory.mkdir(exist_ok=True)
    (directory / "Dockerfile").write_text(STEPS.format(command=command))
    return directory


def test_progress_is_read_into_steps() -> None:
    log = """#0 building with "default" instance using docker driver

#1 [internal] load build definition from claylinux.yaml
#1 transferring dockerfile: 2.11kB done
#1 DONE 0.1s

#2 [packages] nginx
#2 CACHED

#3 [run] make
#3 0.184 #4 is said by the step itself
#3 DONE 12.5s
"""
    assert parse_progress(log) == (
        Vertex("[internal] load build definition from claylinux.yaml", False, 0.1),
        Vertex("[packages] nginx", True, 0.0),
        Vertex("[run] make", False, 12.5),
    )


def test_env_of_an_engine_that_is_down_says_what_to_do() -> None:
    done = run_engine("env", "--instance", "never-started")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "engine: error: the engine is not running: run `tools/engine up` first\n"


@pytest.mark.parametrize("name", ["../other", "a b", "x" * 39, "x" * 400, "ü"])
def test_names_that_lead_elsewhere_or_are_too_long_for_sockets(name: str) -> None:
    done = run_engine("down", "--purge", f"--instance={name}", ENGINE_SUITE="")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"engine: error: {'trixie-' + name!r} is not the name of an engine: "
        "expected letters, digits and ._-, at most 45 characters\n"
    )


@pytest.mark.engine
class TestShared:
    """Tests of the engine that all tests share."""

    def test_up_is_quick_when_the_engine_is_up(self, engine: Engine) -> None:
        before = processor_seconds()
        tool("engine", "up")
        assert processor_seconds() - before < 1.0

    def test_a_reachable_engine_is_used_as_it_is(self, engine: Engine, tmp_path: Path) -> None:
        users = tmp_path / "users.sock"
        users.symlink_to(engine.env["DOCKER_HOST"].removeprefix("unix://"))
        host = f"unix://{users}"
        env = {"DOCKER_HOST": host, "ENGINE_SUITE": "", "ENGINE_INSTANCE": ""}
        done = run_engine("env", **env)
        assert done.stdout == f"# using the Docker Engine at {host}, no settings needed\n"
        assert f"using the Docker Engine at {host}" in run_engine("up", **env).stderr

    def test_builds_are_cached(self, engine: Engine, tmp_path: Path) -> None:
        context = write_build(tmp_path, f"echo {time.time_ns()}")
        first = engine.buildx(context, output=tmp_path / "out").check()
        assert any("RUN echo" in name for name in first.executed)
        again = engine.buildx(context, output=tmp_path / "out").check()
        assert not any("RUN echo" in name for name in again.executed)
        assert any("RUN echo" in name for name in again.cached)


@pytest.mark.engine
def test_a_killed_engine_comes_back_and_builds(
    engine: Engine, throwaway_engine: Callable[[], Engine], tmp_path: Path
) -> None:
    """It left a running build step, a mounted data root, and a pid that now belongs to another program."""
    bridge = Path("/sys/class/net/docker0/address")
    address = bridge.read_text()
    own = throwaway_engine()
    slow = write_build(tmp_path / "build", "test -e /nothing || sleep 2")
    command = ["docker", "buildx", "build", "--output=out", "."]
    with subprocess.Popen(command, cwd=slow, env=own.env, stderr=subprocess.PIPE) as client:
        wait_for_step(client)
        own.kill()
        client.communicate(timeout=60)
    assert client.returncode != 0
    assert not (slow / "out").exists()

    with subprocess.Popen(["sleep", "60"]) as other:
        pidfile = Path(own.env["DOCKER_HOST"].removeprefix("unix://")).with_name("docker.pid")
        pidfile.write_text(str(other.pid))
        own = throwaway_engine()
        assert other.poll() is None
        other.kill()
    own.buildx(slow, output="out").check()
    assert (slow / "out/made").read_text() == "content\n"
    # The data root of this engine is too long for the sockets in it.
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(tmp_path / "agent"))
        asks = write_build(tmp_path / "ssh", "--mount=type=ssh,required test -S $SSH_AUTH_SOCK")
        own.buildx(asks, f"--ssh=default={tmp_path}/agent", output="out").check()
    # The shared engine and its network must be unaffected.
    engine.docker("info")
    assert bridge.read_text() == address


def wait_for_step(client: subprocess.Popen[bytes]) -> None:
    """Return as soon as the client shows that the step runs."""
    assert client.stderr is not None
    for line in client.stderr:
        if b"RUN test -e" in line:
            time.sleep(1)
            return
    pytest.fail("the build ended too early")
