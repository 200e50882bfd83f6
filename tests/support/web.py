"""A web server on loopback with files and git repositories that need a token: the fixture `web`."""

from __future__ import annotations

import base64
import io
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

TOKEN = "test-token"
"""The password for /git/: BuildKit sends the secret GIT_AUTH_TOKEN as the password of `x-access-token`."""
_CREDENTIALS = base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
_GIT_SECONDS = 30


class Server(ThreadingHTTPServer):
    """Serves `root`. `asked` contains every requested path, in order."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """The address without final slash."""
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Server]:
    """Yield a web server with the file `tool`, the archive `pack.tgz` and `git/site.git` (tag v1, then branch two)."""
    root, work = tmp_path / "web", tmp_path / "work"
    (root / "git").mkdir(parents=True)
    (root / "tool").write_text("#!/bin/sh\necho tool\n")
    with tarfile.open(root / "pack.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("pack/run.sh")
        entry.mode, entry.size = 0o755, 4
        archive.addfile(entry, io.BytesIO(b"pack"))
    (work / "public").mkdir(parents=True)
    git = ["git", "-C", str(work), "-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "init.defaultBranch=main"]
    for content, command in (("one", "tag v1"), ("two", "branch two")):
        (work / "public/page").write_text(content)
        for words in ("init -q", "add .", "commit -qm x", command):
            subprocess.run([*git, *words.split()], check=True)
    subprocess.run([*git, "clone", "-q", "--bare", ".", str(root / "git/site.git")], check=True)
    with Server(root) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        path = urlsplit(self.path).path
        if path.startswith("/git/"):
            self._git()
        elif (file := self.server.root / path.lstrip("/")).is_file():
            self._answer(200, file.read_bytes())
        else:
            self._answer(404, b"")

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Keep the output of the tests clean."""

    def _git(self) -> None:
        scheme, _, credentials = self.headers.get("Authorization", "").partition(" ")
        if (scheme.lower(), credentials) != ("basic", _CREDENTIALS):
            self._answer(401, b"", {"WWW-Authenticate": 'Basic realm="test"'})
            return
        address = urlsplit(self.path)
        environment = {
            "PATH": "/usr/bin:/bin",
            "GIT_PROJECT_ROOT": str(self.server.root / "git"),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": address.path.removeprefix("/git"),
            "QUERY_STRING": address.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        done = subprocess.run(
            ["git", "http-backend"], env=environment, input=body, capture_output=True, timeout=_GIT_SECONDS, check=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self._answer(int(headers.pop("Status", "200").split()[0]), content, headers)

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
