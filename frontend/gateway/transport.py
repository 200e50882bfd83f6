"""A gRPC channel over the two ends of a pipe.

BuildKit speaks HTTP/2 on our stdin and stdout, and we are the client (BuildKit frontend/gateway/gateway.go). grpcio
can only dial addresses. So it dials a private Unix socket, and two threads copy bytes between the socket and the pipe.
BuildKit closes the connection if our HTTP/2 preface takes longer than 10 s: open the channel and make the first call
before importing anything heavy.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc

_CHUNK = 1 << 18
_MESSAGE_LIMIT = 16 << 20
"""BuildKit's own limit for messages in both directions, since v0.14."""
_ANSWER_LIMIT = 2 * _MESSAGE_LIMIT
"""More than any engine sends, and little memory."""
_METADATA_LIMIT = 4 << 20
"""Details of failed calls are in a trailer. With the default of 8 KiB, grpcio turns them into RESOURCE_EXHAUSTED."""

CHANNEL_OPTIONS = (
    # The default authority of a Unix socket is a percent-encoded path, which HTTP/2 servers in Go reject.
    ("grpc.default_authority", "localhost"),
    ("grpc.max_receive_message_length", _ANSWER_LIMIT),
    ("grpc.max_send_message_length", _MESSAGE_LIMIT),
    ("grpc.max_metadata_size", _METADATA_LIMIT),
    ("grpc.absolute_max_metadata_size", _METADATA_LIMIT),
    ("grpc.enable_retries", 0),
)


def take_stdio() -> tuple[int, int]:
    """Take stdin and stdout for HTTP/2 and return them as (read, write) descriptors.

    Descriptor 1 becomes a copy of stderr, so that a stray `print` cannot corrupt the stream.
    """
    reader, writer = os.dup(0), os.dup(1)
    with Path(os.devnull).open("rb") as null:
        os.dup2(null.fileno(), 0)
    os.dup2(2, 1)
    return reader, writer


def open_channel(reader: int, writer: int) -> grpc.Channel:
    """Return a channel to the server at the other end of `reader` and `writer`."""
    from . import lean

    lean.load()
    import grpc

    # The directory is private, and is removed as soon as the connection exists. `tempfile` would load a lot for it.
    directory = Path("/tmp", f"claylinux-{os.urandom(16).hex()}")
    directory.mkdir(mode=0o700)
    path = directory / "bridge"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)
    threading.Thread(target=_serve, args=(listener, path, reader, writer), daemon=True).start()
    return grpc.insecure_channel(f"unix:{path}", options=CHANNEL_OPTIONS)


def _serve(listener: socket.socket, path: Path, reader: int, writer: int) -> None:
    """Accept the only connection of the channel, then copy in both directions until either side closes."""
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
    except OSError:  # The engine is gone: the channel reports it to those who wait for an answer.
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
        # Closing alone would tell the channel nothing while the other thread waits for bytes of it.
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()
