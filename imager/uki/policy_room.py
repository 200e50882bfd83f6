"""The room that a program has for signatures of what its measurements will be (see `imager.secureboot.policy`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.uki import pe

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY, SIGNATURES = ".pcrpkey", ".pcrsig"
SIZE = 4096
"""Bytes: twice what the signatures need."""


def sections(public_key: bytes) -> Iterator[pe.Section]:
    """Yield the section with the public key, which is measured, and the empty one for signatures, which is not."""
    yield pe.Section(KEY, (public_key,))
    yield pe.Section(SIGNATURES, (bytes(SIZE),))
