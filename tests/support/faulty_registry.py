"""A registry on loopback with one image, which fails in the way that it is told to."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FAULTS = {
    "none": True,
    "slow": True,
    "closes twice": True,
    "closes": False,
    "lies about a layer": False,
    "lies about the manifest": False,
}
"""The faults, and whether a build comes through."""
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_PIECE = 256 << 10
_PAUSE = 0.05


class Registry(ThreadingHTTPServer):
    """Serves an image with the content of `tree`, which no engine has seen before if `name` is new."""

    daemon_threads = True

    def __init__(self, tree: Path, name: str, fault: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fault, self.closed = fault, 0
        self.blobs: dict[str, bytes] = {}
        self.biggest = self._add(_layer(tree, name))
        config = {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"]}}
        rootfs = {"type": "layers", "diff_ids": [self.biggest]}
        described = self._describe("config", self._add(json.dumps(config | {"rootfs": rootfs}).encode()))
        layers = [self._describe("layer", self.biggest)]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": layers}
        self.manifest = self._add(json.dumps(manifest).encode())

    def _add(self, content: bytes) -> str:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return digest

    def _describe(self, kind: str, digest: str) -> dict[str, object]:
        media = {
            "config": "application/vnd.oci.image.config.v1+json",
            "layer": "application/vnd.oci.image.layer.v1.tar",
        }
        return {"mediaType": media[kind], "digest": digest, "size": len(self.blobs[digest])}

    @property
    def image(self) -> str:
        """The name of the image."""
        return f"127.0.0.1:{self.server_port}/faulty"


@contextmanager
def registry(tree: Path, name: str, fault: str) -> Iterator[Registry]:
    """Serve until the block ends."""
    with Registry(tree, name, fault) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _layer(tree: Path, name: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        tar.add(tree, ".")
        tar.addfile(tarfile.TarInfo(f"etc/{name}"))
    return made.getvalue()


class _Handler(BaseHTTPRequestHandler):
    server: Registry
    protocol_version = "HTTP/1.1"
    raw_requestline: bytes

    def parse_request(self) -> bool:
        """Refuse TLS in words that clients take as a hint to try without it."""
        if self.raw_requestline.startswith(b"\x16"):
            self.wfile.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            self.close_connection = True
            return False
        return super().parse_request()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if match := re.fullmatch(r"/v2/faulty/manifests/(\S+)", self.path):
            digest = match[1] if ":" in match[1] else self.server.manifest
            content = self.server.blobs[digest]
            if self.server.fault == "lies about the manifest":
                content = content.replace(b"{", b"{ ", 1)
            self._answer(content, MANIFEST, digest)
        elif match := re.fullmatch(r"/v2/faulty/blobs/(\S+)", self.path):
            content = self.server.blobs[match[1]]
            if match[1] == self.server.biggest and self.server.fault == "lies about a layer":
                middle = len(content) // 2
                content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
            self._answer(content, "application/octet-stream", match[1], big=match[1] == self.server.biggest)
        else:
            self._answer(b"{}", "application/json", "")

    def log_message(self, *_: object) -> None:
        """Keep the output clean."""

    def _answer(self, content: bytes, media: str, digest: str, *, big: bool = False) -> None:
        start = 0
        if part := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = int(part[1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if digest:
            self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if self.command == "GET":
            self._send(content[start:], big=big)

    def _send(self, content: bytes, *, big: bool) -> None:
        fault = self.server.fault
        if big and (fault == "closes" or (fault == "closes twice" and self.server.closed < 2)):
            self.server.closed += 1
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return
        for start in range(0, len(content), _PIECE):
            self.wfile.write(content[start : start + _PIECE])
            if fault == "slow":
                time.sleep(_PAUSE)
