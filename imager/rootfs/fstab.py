"""The file systems table of a system (fstab(5))."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imager.rootfs.root import Root

PATH = "etc/fstab"
CRYPTTAB = "etc/crypttab"
NOFAIL = "nofail"
NOT_WAITED_FOR = (NOFAIL, "x-systemd.device-timeout=10")
"""Without the second one, the boot is not complete for 90 seconds, although nobody waits."""
TAGS = ("LABEL=", "UUID=", "PARTLABEL=", "PARTUUID=")
"""What a device is named by, other than its path."""
_OF_THE_BOOT = ("/", "/efi", "/usr")
_LATER = {"noauto", NOFAIL, "x-systemd.automount"}
_OWN = frozenset(
    {
        "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "fusectl",
        "hugetlbfs", "mqueue", "overlay", "proc", "pstore", "ramfs", "securityfs", "sysfs", "tmpfs", "tracefs",
    }
)  # fmt: skip
"""File systems that need nothing but the system itself."""
_OVER_NETWORK = ("nfs", "cifs", "smb", "ceph", "glusterfs", "afs", "fuse.sshfs")
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
        return self.point in _OF_THE_BOOT or f"{self.point}/".startswith("/boot/")

    @property
    def is_waited_for(self) -> bool:
        """Whether the boot waits for something outside of the system: a disk, a server, a share of the host."""
        inside = self.kind in _OWN or not {"bind", "rbind", "remount"}.isdisjoint(self.options)
        return not (inside or self.is_of_the_boot or self.is_late)

    @property
    def is_late(self) -> bool:
        """Whether the boot goes on without it."""
        return not _LATER.isdisjoint(self.options)

    @property
    def is_swap_file(self) -> bool:
        """Whether it is swap space in a file."""
        return self.kind == "swap" and self.device.startswith("/") and not self.device.startswith("/dev/")

    def is_below(self, points: Iterable[str]) -> bool:
        """Return whether this needs what is mounted at one of `points`: systemd does not mount it without that."""
        paths = [f"{path}/" for path in (self.device, self.point) if path.startswith("/")]
        # The root itself is there.
        above = [f"{point.rstrip('/')}/" for point in points if point.strip("/")]
        return any(path.startswith(point) for path in paths for point in above)

    @property
    def is_over_network(self) -> bool:
        """Whether it waits for a server rather than a disk."""
        return "_netdev" in self.options or self.kind.startswith(_OVER_NETWORK)


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


def from_elsewhere(table: Iterable[Line]) -> dict[Line, bool]:
    """Return the entries that the boot of a system in memory may fail for, and whether they can work at all.

    What is mounted from such an entry, or below it, is one itself.
    """
    found: dict[Line, bool] = {}
    for line in table:
        needs_another = line.is_below(other.point for other in found)
        if line.is_of_the_boot or (line.is_swap_file and not needs_another):
            found[line] = False
        elif line.is_waited_for or (needs_another and not line.is_late):
            found[line] = True
    return found
