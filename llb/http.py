"""Files downloaded over HTTP."""

from __future__ import annotations

from typing import Unpack

from . import checks
from .errors import LlbError
from .op import State
from .source import Attributes
from .vertex import VertexOptions


def http(
    url: str,
    *,
    checksum: str | None = None,
    filename: str | None = None,
    mode: int | None = None,
    uid: int | None = None,
    gid: int | None = None,
    **options: Unpack[VertexOptions],
) -> State:
    """Return a tree with one file at its root, the content of `url`.

    The engine verifies `checksum` (`sha256:...`), and with it skips the request if it already has the file.
    `filename` is the name in the tree; by default the server or the URL determines it.
    """
    if not url.startswith(("http://", "https://")):
        raise LlbError(f"{url!r} must be a URL that begins with https:// or http://")
    if filename is not None and (not filename or "/" in filename or filename in (".", "..")):
        raise LlbError(f"the name of a downloaded file must be one path component; got {filename!r}")
    if checksum is not None and not checksum.startswith("sha256:"):
        raise LlbError(f"the checksum of {url} must be sha256: followed by 64 hex digits; got {checksum!r}")
    attributes = Attributes("source.http")
    attributes.add("http.checksum", checksum, "source.http.checksum")
    attributes.add("http.filename", filename)
    if mode is not None:
        permissions = checks.mode("the mode of a download", mode, 0o777)
        attributes.add("http.perm", f"0{permissions:o}", "source.http.perm")
    for key, number in (("http.uid", uid), ("http.gid", gid)):
        if number is not None:
            # BuildKit misspells this capability; this is the name on the wire.
            attributes.add(key, str(checks.identifier(key, number)), "soruce.http.uidgid")
    return attributes.state(url, **options)
