"""Updates: in a system, beside its unified kernel image, and as what machines fetch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import spec.update
from imager.request import Request

TRUSTED = "/update.pem"
"""What `Keys` writes: the public keys that machines trust."""


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
