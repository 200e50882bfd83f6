"""The file systems table of a system (fstab(5))."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from imager.rootfs.root import Root

PATH = "etc/fstab"
CRYPTTAB = "etc/crypttab"
NOFAIL = "nofail"
NOT_WAITED_FOR = (NOFAIL, "x-systemd.device-timeout=10")
"""Without the second one, the boot is not complete for 90 seconds, although nobody waits."""
_TAGS = ("LABEL=", "UUID=", "PARTLABEL=", "PARTUUID=")
_ESCAPED = re.compile(r"\\([0-7]{3})")


class Line(NamedTuple):
    """One file system of the table."""

    device: str
    point: str
    kind: str
    options: tuple[str, ...]

    @property
    def is_of_the_boot(self) -> bool:
        """Whether this is where a system on a disk starts from: its root, its kernel, its boot loader."""
        return self.point in ("/", "/efi") or f"{self.point}/".startswith("/boot/")

    @property
    def is_waited_for(self) -> bool:
        """Whether the boot waits for a disk, and fails without it."""
        on_disk = self.device.startswith(("/dev/", *_TAGS)) or (self.kind == "swap" and self.device.startswith("/"))
        return on_disk and not self.is_of_the_boot and not {"noauto", NOFAIL} & {*self.options}


def parse(text: str) -> Line | None:
    """Return what a line says; None for comments, empty lines and those that are cut off."""
    words = [_ESCAPED.sub(lambda found: chr(int(found[1], 8)), word) for word in text.split()]
    if len(words) < 3 or words[0].startswith("#"):
        return None
    return Line(words[0], words[1], words[2], tuple(words[3].split(",")) if len(words) > 3 else ())


def format_line(*words: str) -> str:
    """Return a line of these fields, which `parse` reads again."""
    return "\t".join(word.replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011") for word in words)


def load(root: Root) -> tuple[Line, ...]:
    """Return the file systems that the system mounts by its table, in their order."""
    parsed = map(parse, lines(read(root, PATH)))
    return tuple(line for line in parsed if line is not None)
