"""Ask an engine whether it is there, without a client program."""

import os
import socket

DEFAULT_SOCKET = "/var/run/docker.sock"


def ping(path: str, timeout: float = 2.0) -> bool:
    """Whether an engine answers on the unix socket at `path`; `timeout` in seconds."""
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(timeout)
            sock.connect(path)
            sock.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return sock.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def existing_host() -> str:
    """The DOCKER_HOST of an engine that the user already has, or an empty string.

    A DOCKER_HOST that is not a unix socket (ssh, tcp) is the user's decision and is believed.
    """
    host = os.environ.get("DOCKER_HOST", "")
    if host and not host.startswith("unix://"):
        return host
    path = host.removeprefix("unix://") or DEFAULT_SOCKET
    return f"unix://{path}" if ping(path) else ""
