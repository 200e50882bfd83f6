"""Password hashes from secrets of the build.

A secret is no part of a cache key. So a step that always runs copies the hash to a file, and the step that makes the
users depends on the content of that file: a new hash makes a new image, the same hash none.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs.root import Root
from imager.rootfs.writing import write_file
from spec.credentials import password_hash

if TYPE_CHECKING:
    from imager.requests.accounts import Hashes

_LIMIT = 1 << 16


def run(request: Hashes) -> None:
    """Copy every hash; raises ImagerError for what is none, without repeating it."""
    source = Root(Path(request.source))
    for name in request.name:
        try:
            text = (source.read(name, _LIMIT) or b"").decode().strip()
        except UnicodeDecodeError:
            raise ImagerError(f"users: the secret {name} is no text") from None
        if not text:
            raise ImagerError(f"users: the secret {name} is empty: it must hold a crypt(3) hash")
        try:
            password_hash(text)
        except ValueError as error:
            raise ImagerError(f"users: the secret {name}: {error}") from None
        write_file(Root(Path(request.output)), name, text.encode(), mode=0o600, epoch=request.epoch)
    os.utime(request.output, (request.epoch, request.epoch))
