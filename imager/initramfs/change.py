"""One path that a stage of a system changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from imager.rootfs.tree import Entry


class Change(NamedTuple):
    """A new or changed path: its entry in the stage, and the one `below` if the path existed there."""

    entry: Entry
    below: Entry | None
