"""Write bytes and files to a sink in pieces that are large enough to be cheap."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from imager.core import output

if TYPE_CHECKING:
    from imager.archive.compress import Sink
    from imager.core.sparse import Ranges

_SMALL = 1 << 16
"""Files up to this size join a batch in memory; larger ones go straight to the sink."""
_BATCH = 1 << 20


class BatchWriter:
    """Sends everything to `sink` in order; complete after `flush`."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._batch = bytearray()

    def put(self, data: bytes) -> None:
        """Send `data`."""
        self._batch += data
        if len(self._batch) >= _BATCH:
            self.flush()

    def put_file(self, path: bytes, ranges: Ranges) -> None:
        """Send these ranges of a file; raises ImagerError if it ends before them."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            for start, size in ranges:
                if size <= _SMALL:
                    self.put(output.read_at(fd, start, size))
                else:
                    self.flush()
                    self._sink.send(fd, start, size)
        finally:
            os.close(fd)

    def flush(self) -> None:
        """Send the waiting batch."""
        if self._batch:
            self._sink.write(self._batch)
            self._batch.clear()
