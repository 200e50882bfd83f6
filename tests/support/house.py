"""Package repositories as companies have them, on loopback: a certificate of their own, a password, a proxy.

`HOST` is a name that nothing resolves: the proxy alone knows the way.
"""

from __future__ import annotations

import base64
import selectors
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

HOST = "packages.test"
LOGIN = "acme"
MARK = "claylinux-mark-of-a-repository-31fe77"
"""What every form of the password begins with."""
PASSWORD = f"{MARK}/:@%41+"
_SECONDS = 20


@dataclass(frozen=True)
class House:
    """The servers of one test."""

    certificate: Path
    """In PEM; it is its own authority."""
    netrc: Path
    """The lines with the password for both hosts of the repository."""
    url: str
    """Of the repository: https, with the password."""
    proxy: str
    answered: list[tuple[str, int]]
    """Requests of the repository: the file's name, and the status of the answer."""
    passed: list[str]
    """Requests of the proxy: the method and the host."""


@contextmanager
def house(folder: Path, repository: Path) -> Iterator[House]:
    """Serve the directory `repository`; keep certificate and password in `folder`."""
    certificate, netrc = _certificate(folder), folder / "netrc"
    netrc.write_text("".join(f"machine {host} login {LOGIN} password {PASSWORD}\n" for host in (HOST, "localhost")))
    answered: list[tuple[str, int]] = []
    passed: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    server = _Server(partial(_Repository, answered, directory=str(repository)), context)
    port = server.server_address[1]
    with _running(server), _running(_Server(partial(_Proxy, passed, port))) as proxy:
        yield House(certificate, netrc, f"https://localhost:{port}", proxy, answered, passed)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: Callable[..., BaseHTTPRequestHandler], context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self._context = context

    def finish_request(self, request: socket.socket, client_address: tuple[str, int]) -> None:  # type: ignore[override]
        """Greet in the connection's own thread: a client that does not trust us must not end the server."""
        if self._context is None:
            return super().finish_request(request, client_address)
        try:
            with self._context.wrap_socket(request, server_side=True) as safe:
                super().finish_request(safe, client_address)
                safe.unwrap()  # OpenSSL takes a mere end for an attack
        except OSError:
            pass
        return None


class _Repository(SimpleHTTPRequestHandler):
    """Files for those who know the password."""

    protocol_version = "HTTP/1.1"

    def __init__(self, answered: list[tuple[str, int]], *args: object, directory: str) -> None:
        self._answered = answered
        super().__init__(*args, directory=directory)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        expected = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") == f"Basic {expected}":
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="packages"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        _ = size
        self._answered.append((self.path.rpartition("/")[2], int(code)))

    def log_message(self, *_: object) -> None:
        """Keep the output of the tests clean."""


class _Proxy(BaseHTTPRequestHandler):
    """Passes on what it is asked: as a tunnel, or a single file of a server without TLS."""

    def __init__(self, passed: list[str], port: int, *args: object) -> None:
        self._passed, self._port = passed, port
        super().__init__(*args)  # type: ignore[arg-type]

    def do_CONNECT(self) -> None:
        host, _, port = self.path.partition(":")
        self._passed.append(f"CONNECT {host}")
        place = ("127.0.0.1", self._port if host == HOST else int(port))
        with socket.create_connection(place, _SECONDS) as other, selectors.DefaultSelector() as ready:
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: other, other: self.connection}
            for end in ends:
                ready.register(end, selectors.EVENT_READ)
            while found := ready.select(_SECONDS):
                for key, _ in found:
                    end = key.fileobj
                    assert isinstance(end, socket.socket)
                    data = end.recv(65536)
                    if not data:
                        return
                    ends[end].sendall(data)

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        self._passed.append(f"GET {address.hostname}")
        connection = HTTPConnection("127.0.0.1", address.port or 80, timeout=_SECONDS)
        connection.request("GET", address.path)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep the output of the tests clean."""


@contextmanager
def _running(server: _Server) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _certificate(folder: Path) -> Path:
    certificate = folder / "ca.pem"
    argv = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    argv += ["-days", "2", "-subj", "/CN=packages", "-addext", f"subjectAltName=DNS:{HOST},DNS:localhost"]
    argv += ["-keyout", str(certificate.with_suffix(".key")), "-out", str(certificate)]
    subprocess.run(argv, capture_output=True, timeout=60, check=True)
    return certificate
