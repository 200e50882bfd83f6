"""A registry that wants a token, behind TLS with an authority of its own: `private`. Guests reach it as 10.0.2.2."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.support.registry import Registry, serve
from tests.support.secure_boot import Signer, make_signer, openssl

HOST = "10.0.2.2"
"""How a guest of QEMU calls the loopback interface of the host."""
_SERVICE = _ISSUER = "tests"
_TOKEN_SECONDS = 300


@dataclass(frozen=True)
class Account:
    """Who may read."""

    name: str
    password: str

    @property
    def netrc(self) -> str:
        """The line of a login file."""
        return f"machine {HOST} login {self.name} password {self.password}\n"


@dataclass(frozen=True)
class Private:
    """Where it is, and the scopes of the tokens that it gave."""

    host: str
    scopes: list[str] = field(default_factory=list)


@contextmanager
def private(registry: Registry, account: Account, ca: Signer, place: Path) -> Iterator[Private]:
    """Serve what another registry has. Its tokens are of a server of their own, which wants name and password."""
    names = ("-CA", str(ca.certificate), "-CAkey", str(ca.key), "-addext", f"subjectAltName=IP:{HOST}")
    server = make_signer(place, "server", "rsa:2048", *names)
    tokens = make_signer(place, "tokens")
    with _TokenServer(account, tokens) as office:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(server.certificate, server.key)
        office.socket = context.wrap_socket(office.socket, server_side=True)
        threading.Thread(target=office.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        token = {
            "realm": f"https://{HOST}:{office.server_port}/token",
            "service": _SERVICE,
            "issuer": _ISSUER,
            "rootcertbundle": str(tokens.certificate),
        }
        tls = {"certificate": str(server.certificate), "key": str(server.key)}
        with serve(place, registry.storage, http={"tls": tls}, auth={"token": token}) as port:
            yield Private(f"{HOST}:{port}", office.scopes)
        office.shutdown()


class _TokenServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, account: Account, signer: Signer) -> None:
        super().__init__(("127.0.0.1", 0), _Office)
        self.wanted = f"Basic {base64.b64encode(f'{account.name}:{account.password}'.encode()).decode()}"
        self.signer = signer
        self.scopes: list[str] = []


class _Office(BaseHTTPRequestHandler):
    server: _TokenServer

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if self.headers.get("Authorization") != self.server.wanted or asked["service"] != [_SERVICE]:
            self.send_response(401)
            self.end_headers()
            return
        (scope,) = asked["scope"]
        self.server.scopes.append(scope)
        answer = json.dumps({"token": _token(scope, self.server.signer)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Keep the output of the tests clean."""


def _token(scope: str, signer: Signer) -> str:
    """Return a JSON Web Token (RFC 7519) as registries want it."""
    kind, name, action = scope.split(":")
    now = int(time.time())
    certificate = openssl("x509", "-in", str(signer.certificate), "-outform", "DER")
    head = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(certificate).decode()]}
    claims = {
        "iss": _ISSUER,
        "aud": _SERVICE,
        "sub": "",
        "nbf": now - 60,
        "exp": now + _TOKEN_SECONDS,
        "access": [{"type": kind, "name": name, "actions": [action]}],
    }
    text = ".".join(_base64(json.dumps(part).encode()) for part in (head, claims))
    signature = openssl("dgst", "-sha256", "-sign", str(signer.key), given=text.encode())
    return f"{text}.{_base64(signature)}"


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
