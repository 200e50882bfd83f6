"""docker-bake.hcl and compose.yaml: all images, one of every format, and an interactive console."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from localengine.pinned import STAGE
from localvm.console import Console
from tests.support.alpine import PRESET_IMAGE, Alpine
from tests.support.apk_repository import serve
from tests.support.engine import REPOSITORY, Engine

pytestmark = [pytest.mark.boot, pytest.mark.engine]

DEBIAN = {STAGE: "docker-image://debian:trixie"}
"""What Dockerfiles of ours start from, as it is in the engine: no registry answers here."""
IMAGES = ("alpine-lts", "alpine-stable", "alpine-virt", "frontend", "imager", "emulator")


@dataclass(frozen=True)
class Bake:
    """The command with everything that is specific to this machine."""

    env: dict[str, str]
    local: Path

    @property
    def repository(self) -> str:
        """The prefix of all image names."""
        return self.env["REPOSITORY"]

    def run(self, *args: str) -> str:
        """Return the output and the progress; fail the test if the command fails."""
        argv = ["docker", "buildx", "bake", f"--file={self.local}", "--file=docker-bake.hcl", "--progress=plain", *args]
        done = subprocess.run(
            argv,
            cwd=REPOSITORY,
            env=self.env,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(argv)}:\n{done.stderr[-8000:]}"
        return done.stdout + done.stderr


@pytest.fixture
def bake(alpine: Alpine, tmp_path: Path) -> Iterator[Bake]:
    """Yield `docker buildx bake` with this test's own images, which are deleted afterwards."""
    env = {**alpine.engine.env, "REPOSITORY": f"claylinux-test-{os.getpid()}"}
    bundle = os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
    if Path(bundle).is_file():
        env["CA_CERTIFICATES"] = bundle
    local = tmp_path / "local.yaml"
    made = Bake(env, local)
    # Where Alpine's packages are here. Before buildx 0.20, only compose files can set the network of a target.
    build = {"network": "host", "additional_contexts": {PRESET_IMAGE: f"docker-image://{alpine.image}", **DEBIAN}}
    local.write_text(json.dumps({"services": {}}))
    targets = json.JSONDecoder().raw_decode(made.run("--print", "default", "test", "emulator"))[0]["target"]
    frontend = {"additional_contexts": DEBIAN}
    services = {
        name: {"build": {"context": target["context"], **(frontend if name in ("frontend", "imager") else build)}}
        for name, target in targets.items()
    }
    local.write_text(json.dumps({"services": services}))
    yield made
    alpine.engine.docker("rmi", "--force", *(f"{made.repository}/{image}" for image in IMAGES))


def test_bake_and_the_emulator(alpine: Alpine, bake: Bake, tmp_path: Path) -> None:
    """`bake` makes the images, `bake test` every format, and compose the console: log in, check, power off."""
    engine, name = alpine.engine, bake.repository
    bake.run("frontend")
    log = bake.run("default")
    assert f"resolve image config for docker-image://docker.io/{name}/frontend:latest" in log, "another frontend"
    bake.run("test", "emulator")
    have = engine.docker("images", "--format={{.Repository}}")
    assert {f"{name}/{image}" for image in IMAGES} <= set(have.split())
    # One system as it is, and one that has no login on its serial port by itself.
    for choice in ({}, {"SYSTEM": f"{name}/alpine-lts", "FORMAT": "iso"}):
        with serve(tmp_path) as (url, asked), emulator(engine, name, choice, tmp_path) as console:
            console.expect(r"^run-vm: starting with (KVM|slow emulation, because KVM does not work here);", 60)
            console.expect(r"^claylinux login: $", 240)
            console.send("root\n")
            console.expect(r"# $", 60)
            console.send("echo token $((6*7)); rc-status --runlevel; cat /etc/resolv.conf\n")
            console.expect(r"^token 42\r?$", 60)
            console.expect(r"^default\r?$", 60)
            # The network provides the resolver, because no image contains one.
            console.expect(r"^nameserver 10\.0\.2\.3\r?$", 60)
            # Out of reach: what listens on the loopback interface of this machine.
            console.send(f"wget -T 20 -q -O - {url.replace('127.0.0.1', '10.0.2.2')}; echo status $?\n")
            console.expect(r"^status 1\r?$", 60)
            assert asked == []
            console.send("poweroff\n")
            assert console.wait_off(120) == 0


@contextmanager
def emulator(engine: Engine, name: str, choice: dict[str, str], folder: Path) -> Iterator[Console]:
    """Yield the service of compose.yaml on a terminal made by `script`."""
    local = folder / "compose.json"
    local.write_text(json.dumps({"services": {"emulator": {"build": {"additional_contexts": DEBIAN}}}}))
    env = {**engine.env, "REPOSITORY": name, "COMPOSE_PROJECT_NAME": name, **choice}
    env["COMPOSE_FILE"] = f"compose.yaml:{local}"
    words = ["script", "--quiet", "--return", "--command", "docker compose run --rm emulator", "/dev/null"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, cwd=REPOSITORY, env=env, bufsize=0, stdin=pipe, stdout=pipe) as process:
        console = Console(process)
        try:
            yield console
        finally:
            print(console.text)
            console.stop()
            left = engine.docker("ps", "--all", "--quiet", f"--filter=label=com.docker.compose.project={name}").split()
            if left:
                engine.docker("rm", "--force", *left)
