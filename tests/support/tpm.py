"""A TPM in software for virtual machines."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.vm import require_tool

_SECONDS = 30.0


@contextmanager
def swtpm(state: Path) -> Iterator[Path]:
    """Yield the socket of a TPM that keeps its secrets in the directory `state`, for one machine that runs once."""
    require_tool("swtpm")
    state.mkdir(exist_ok=True)
    # The path of a socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="swtpm-") as scratch:
        socket = Path(scratch, "socket")
        words = ("swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--ctrl", f"type=unixio,path={socket}")
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as program:
            try:
                give_up = time.monotonic() + _SECONDS
                while not socket.exists():
                    assert program.poll() is None and time.monotonic() < give_up, "swtpm does not start"
                    time.sleep(0.05)
                yield socket
            finally:
                program.terminate()
