"""What is in a system, for people who have to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import spec.files
from imager.request import Request


@dataclass(frozen=True, kw_only=True)
class Sbom(Request):
    """List the content of `system` in `output`, in the `form` spdx or cyclonedx (see `imager.sbom.inventory`).

    `name` and `version` are those of the system; `generator` is the version of Claylinux. `base` is the image that it
    was made from, with its digest. `file` has the entries of the key `files` that come from elsewhere. The n-th
    `tree` is what the n-th of them is copied from, or the download itself; the n-th `origin` is the name of that tree,
    with its digest, if it is an image. `stub` and `init` boot the system, if anything does.
    """

    performed_by: ClassVar[str] = "sbom.inventory"
    system: str
    output: str
    form: str = "spdx"
    name: str
    version: str = ""
    generator: str
    base: str = ""
    file: Mapping[str, spec.files.CopiedFile | spec.files.FetchedFile]
    tree: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()
    stub: str = ""
    init: str = ""
    epoch: int
