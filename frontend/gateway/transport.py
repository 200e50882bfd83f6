"""A gRPC channel over the two ends of a pipe.

BuildKit speaks HTTP/2 on our stdin and stdout, and we are the client (BuildKit frontend/gateway/gateway.go).
grpcio can only dial addresses, so it dials a private Unix socket, and two threads pump its bytes from and to
the pipe. BuildKit closes the connection when our HTTP/2 preface takes longer than 10 s: open the channel and
make the first call before importing anything heavy.
"""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc

_CHUNK = 1 << 18
_MESSAGE_LIMIT = 16 << 20
"""BuildKit's own limit for messages, both ways, since v0.14."""
_METADATA_LIMIT = 4 << 20
"""Details of failed calls travel in a trailer; grpcio's default of 8 KiB would turn them into RESOURCE_EXHAUSTED."""

CHANNEL_OPTIONS = (
    # The default authority of a Unix socket is a percent-encoded path, which Go's HTTP/2 server rejects.
    ("grpc.default_authority", "localhost"),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", _MESSAGE_LIMIT),
    ("grpc.max_metadata_size", _METADATA_LIMIT),
    ("grpc.absolute_max_metadata_size", _METADATA_LIMIT),
    ("grpc.enable_retries", 0),
)


def take_stdio() -> tuple[int, int]:
    """Claim stdin and stdout for HTTP/2 and return them as (read, write) descriptors.

    Descriptor 1 becomes a copy of stderr, so that a stray `print` cannot corrupt the stream.
    """
    reader, writer = os.dup(0), os.dup(1)
    with Path(os.devnull).open("rb") as null:
        os.dup2(null.fileno(), 0)
    os.dup2(2, 1)
    return reader, writer


def open_channel(reader: int, writer: int) -> grpc.Channel:
    """Return a channel whose server is at the other end of `reader` and `writer`."""
    import grpc

    # The folder is private (0700) and goes away as soon as the one connection stands.
    folder = Path(tempfile.mkdtemp(prefix="claylinux-"))
    path = folder / "bridge"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)
    threading.Thread(target=_serve, args=(listener, path, reader, writer), daemon=True).start()
    return grpc.insecure_channel(f"unix:{path}", options=CHANNEL_OPTIONS)


def _serve(listener: socket.socket, path: Path, reader: int, writer: int) -> None:
    """Accept the channel's one connection, then pump both ways until either side closes."""
    connection, _ = listener.accept()
    listener.close()
    path.unlink()
    path.parent.rmdir()
    threading.Thread(target=_from_socket, args=(connection, writer), daemon=True).start()
    _to_socket(reader, connection)


def _from_socket(connection: socket.socket, writer: int) -> None:
    try:
        while chunk := connection.recv(_CHUNK):
            view = memoryview(chunk)
            while view:
                view = view[os.write(writer, view) :]
    except OSError:  # the engine went away: the channel reports it to whoever waits for an answer
        pass
    finally:
        os.close(writer)


def _to_socket(reader: int, connection: socket.socket) -> None:
    try:
        while chunk := os.read(reader, _CHUNK):
            connection.sendall(chunk)
    except OSError:
        pass
    finally:
        connection.close()
