"""The squashfs compressions that a kernel supports, from its configuration: not every distribution enables all.

The configuration is beside the kernel as `/boot/config-VERSION` (Debian, Alpine, Fedora), or beside its modules.
Without one, nothing is known, so nothing counts as missing. Options: Linux, fs/squashfs/Kconfig.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.archive.compressors import KINDS
from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from imager.rootfs.root import Root


def missing(root: Root, version: str) -> tuple[str, ...]:
    """Return the compressions of layers that the kernel `version` cannot read."""
    places = (f"boot/config-{version}", f"lib/modules/{version}/config", f"usr/lib/modules/{version}/config")
    found = next((text for path in places if (text := read(root, path))), "")
    options = frozenset(lines(found))
    if not {"CONFIG_SQUASHFS=y", "CONFIG_SQUASHFS=m"} & options:
        return ()  # `bootstrap.missing` reports the missing module
    return tuple(name for name, kind in KINDS.items() if f"CONFIG_SQUASHFS_{kind.option}=y" not in options)
