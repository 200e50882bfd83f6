"""Updates: in a system, beside its unified kernel image, and as what machines fetch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import spec.update
from imager.request import Request

TRUSTED = "/update.pem"
"""What `Keys` writes: the public keys that machines trust."""
LAST = "/last"
"""The directory among those of `Pieces` that has the index."""


@dataclass(frozen=True, kw_only=True)
class Keys(Request):
    """Check that `public`, files with public keys or certificates, can verify updates; `key`, if given, is the first's.

    `output` is a directory, which gets the file named above.
    """

    performed_by: ClassVar[str] = "update.keys"
    public: tuple[str, ...]
    key: str = ""
    output: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Update(Request):
    """Let `system` update itself as `update` says, with what the public keys in the file `trusted` signed.

    `ca`: a file with certificates for its server. `name`: what it is called among others.
    """

    performed_by: ClassVar[str] = "customize.update"
    system: str
    update: spec.update.Update
    name: str
    architecture: str
    trusted: str
    ca: str = ""
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Index(Request):
    """Write the layout `uki` again to `output`, with all that a medium has beside it for updates.

    That is the boot manager `loader`, and the index of its pieces, signed by the private `key`, whose public half is
    in `trusted`. `space`: the bytes for new versions; 0 for as many as usual.
    """

    performed_by: ClassVar[str] = "update.index"
    uki: str
    loader: str
    key: str
    trusted: str
    name: str
    version: str
    channel: str = ""
    space: int = 0
    output: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Pieces(Request):
    """Write the pieces of the layout `uki`, which has an index, to the directory `output`.

    Each is in a directory of its own, with a number as its name and the path that it has for machines; the last one has
    the index and its signature.
    """

    performed_by: ClassVar[str] = "update.pieces"
    uki: str
    output: str
    epoch: int
