"""The pipe to the engine.

BuildKit speaks HTTP/2 on our stdin and stdout, and we are the client (BuildKit frontend/gateway/gateway.go). It closes
the connection if our HTTP/2 preface takes longer than 10 s: open the connection and make the first call before
importing anything heavy.
"""

from __future__ import annotations

import os


def take_stdio() -> tuple[int, int]:
    """Take stdin and stdout for HTTP/2 and return them as (read, write) descriptors.

    Descriptor 1 becomes a copy of stderr, so that a stray `print` cannot corrupt the stream.
    """
    reader, writer = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return reader, writer
