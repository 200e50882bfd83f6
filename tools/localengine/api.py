"""Check whether an engine is running, without a client program."""

import json
import os
import socket
from pathlib import Path

from localengine.errors import EngineError

DEFAULT_SOCKET = "/var/run/docker.sock"


def ping(path: str, timeout: float = 2.0) -> bool:
    """Return whether an engine answers on the unix socket at `path` within `timeout` seconds."""
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(timeout)
            sock.connect(path)
            sock.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return sock.recv(64).split(b" ")[1:2] == [b"200"]
    except PermissionError:
        raise EngineError(f"no permission for {path}: join the group docker, or use sudo") from None
    except OSError:
        return False


def existing_engine() -> str:
    """Describe where the user's own engine is; empty if there is none.

    A DOCKER_HOST that is not a unix socket, and a context of the docker client, are the user's decision and are not
    checked.
    """
    host = os.environ.get("DOCKER_HOST", "")
    if host and not host.startswith("unix://"):
        return host
    if not host and (context := _context()):
        return f"context {context}"
    path = host.removeprefix("unix://") or DEFAULT_SOCKET
    return f"unix://{path}" if ping(path) else ""


def _context() -> str:
    """Return the selected context of the docker client, or "" for the default one."""
    name = os.environ.get("DOCKER_CONTEXT", "")
    if not name:
        directory = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        try:
            name = json.loads((directory / "config.json").read_text()).get("currentContext", "")
        except (OSError, ValueError):
            return ""
    return "" if name == "default" else str(name)
