"""A real registry on loopback: the fixture `registry`."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.support.vm import debian_file, free_port

START_SECONDS = 20.0
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)


@dataclass(frozen=True)
class Registry:
    """An empty registry without TLS or accounts, which engines allow on loopback."""

    host: str

    def image_config(self, name: str, tag: str = "latest") -> dict[str, Any]:
        """Return the OCI config of an image for one platform."""
        manifest = self._get(f"/v2/{name}/manifests/{tag}")
        config: dict[str, Any] = self._get(f"/v2/{name}/blobs/{manifest['config']['digest']}")
        return config

    def digest(self, name: str, tag: str = "latest") -> str:
        """Return the digest of an image: that of its index or its manifest."""
        request = Request(f"http://{self.host}/v2/{name}/manifests/{tag}", headers={"Accept": ", ".join(_MANIFESTS)})
        with urlopen(request) as answer:
            return f"sha256:{hashlib.sha256(answer.read()).hexdigest()}"

    def tags(self, name: str) -> list[str]:
        """Return the tags of a repository."""
        tags: list[str] = self._get(f"/v2/{name}/tags/list")["tags"]
        return tags

    def _get(self, path: str) -> Any:
        with urlopen(Request(f"http://{self.host}{path}", headers={"Accept": ", ".join(_MANIFESTS)})) as answer:
            return json.load(answer)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Yield the registry in Debian's package docker-registry; it ends with the session."""
    program = debian_file("docker-registry", "./usr/bin/docker-registry")
    directory = tmp_path_factory.mktemp("registry")
    port = free_port()
    (directory / "config.yml").write_text(_config(directory, port))
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", directory / "config.yml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _await(port, process, directory / "log")
        yield Registry(f"localhost:{port}")
    finally:
        process.kill()
        process.wait()


def _config(directory: Path, port: int) -> str:
    config = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    return json.dumps(config)


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            return
