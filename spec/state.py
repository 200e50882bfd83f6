"""What stays on a disk: the keys `state` and `persist`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from . import hints
from .keys import key

if TYPE_CHECKING:
    from .values import kept


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A partition that stays when the machine reboots, and when it gets a new image."""

    HINTS: ClassVar[Mapping[str, str]] = hints.STATE
    SHORT: ClassVar[str] = "size"
    size: kept.StateSize = key(
        "How much of the free space it takes: a size, or `rest`. With `rest` it also grows when the disk has grown.",
        "8G",
        default=None,
    )
    disk: kept.StateDisk = key(
        "The disk: `boot`, from which the machine booted; `empty`, the only one that holds nothing; or a certain one.",
        "serial=S4EWNX0R",
        default="boot",
    )
    label: kept.StateLabel = key("The name of the partition and of its file system.", "DATA", default="STATE")
    required: bool = key("Whether the boot stops where it cannot be had.", "true", default=False)
    encrypt: kept.StateEncryption | None = key(
        "What opens it, which is encrypted then: `tpm2`, the TPM of the machine, for images that you signed; or a key "
        "file on another disk. A recovery key is shown once, at the first boot.",
        "LABEL=KEYS/state.key",
        default=None,
    )
