"""A real registry on loopback: the fixture `registry`."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    """An empty registry without TLS or accounts, which engines allow on loopback. `storage` is its directory."""

    host: str
    storage: Path

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

    def layers(self, name: str, tag: str = "latest") -> list[str]:
        """Return the digests of the layers of an image for one platform."""
        manifest = self._get(f"/v2/{name}/manifests/{tag}")
        return [layer["digest"] for layer in manifest["layers"]]

    def blob(self, digest: str) -> Path:
        """Return the file of a blob. What it has goes over the wire: nobody looks at it."""
        algorithm, _, text = digest.partition(":")
        return self.storage / "docker/registry/v2/blobs" / algorithm / text[:2] / text / "data"

    def _get(self, path: str) -> Any:
        with urlopen(Request(f"http://{self.host}{path}", headers={"Accept": ", ".join(_MANIFESTS)})) as answer:
            return json.load(answer)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """Yield the registry in Debian's package docker-registry; it ends with the session."""
    directory = tmp_path_factory.mktemp("registry")
    with serve(directory, directory / "data") as port:
        yield Registry(f"localhost:{port}", directory / "data")


@contextmanager
def serve(directory: Path, storage: Path, http: Mapping[str, Any] | None = None, **more: Any) -> Iterator[int]:
    """Let a registry serve `storage` for a block, with further settings; yield its port. `directory` has its log."""
    program = debian_file("docker-registry", "./usr/bin/docker-registry")
    port = free_port()
    config = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(storage)}},
        "http": {"addr": f"127.0.0.1:{port}", **(http or {})},
        **more,
    }
    (directory / "config.yml").write_text(json.dumps(config))
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", directory / "config.yml"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _await(port, process, directory / "log")
        yield port
    finally:
        process.kill()
        process.wait()


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
