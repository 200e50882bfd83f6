"""Entries of a system that was made for a disk: they must not stop the boot of a system in memory.

Its root, /boot and ESP cannot be mounted: their lines become comments. Everything else may well be there, such as swap,
an encrypted disk, data, a server: the boot does not fail without it. Services still start after a disk that is there,
and the share of a server is mounted when somebody looks at it. Whatever the system cannot do without, the build file
says in `mounts`, which comes later; the report tells that.
"""

from __future__ import annotations

import stat
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from imager.rootfs import fstab, initsystem
from imager.rootfs.root import Root
from imager.rootfs.text import lines, read, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from imager.requests.mounts import DiskEntries


def run(request: DiskEntries) -> None:
    """Change the tables that have such entries."""
    root = Root(Path(request.system))
    # A base without an init system gets one later; busybox, which mounts with OpenRC, has its own rules.
    systemd = initsystem.find(root) != initsystem.OPENRC
    _edit(root, fstab.PATH, partial(_file_systems, systemd), request.epoch)
    _edit(root, fstab.CRYPTTAB, partial(map, _encrypted), request.epoch)


def _edit(root: Root, path: str, change: Callable[[list[str]], Iterable[str]], epoch: int) -> None:
    old, status = lines(read(root, path)), root.status(path)
    new = list(change(old))
    if status is not None and new != old:
        write(root, path, "".join(f"{line}\n" for line in new), epoch, stat.S_IMODE(status.st_mode))


def _file_systems(systemd: bool, texts: list[str]) -> Iterator[str]:
    parsed = [fstab.parse(text) for text in texts]
    found = fstab.from_elsewhere(line for line in parsed if line is not None)
    for text, line in zip(texts, parsed, strict=True):
        if line is None:
            yield text
        elif found.get(line) is False:
            yield f"# Claylinux: the system is in memory: {text}"
        else:
            kept = _with_options(text, _options(line, systemd)) if line in found else text
            yield kept if systemd else _unchecked(kept)


def _options(line: fstab.Line, systemd: bool) -> tuple[str, ...]:
    """Return what keeps the boot from failing. busybox hands words of systemd to the kernel."""
    if line.kind == "swap":
        return fstab.NOT_WAITED_FOR
    if not systemd:
        return (fstab.NOFAIL,)
    if line.is_over_network:
        return (fstab.NOFAIL, "x-systemd.automount", "x-systemd.mount-timeout=10")
    return (*fstab.NOT_WAITED_FOR, "x-systemd.before=local-fs.target")


def _unchecked(text: str) -> str:
    """Return a line whose file system is not checked: OpenRC ends the boot if a disk to check is not there.

    That holds for lines with `nofail`, too, which busybox's fsck does not know.
    """
    words = text.split()
    return "\t".join((*words[:5], "0")) if words[5:] not in ([], ["0"]) else text


def _encrypted(text: str) -> str:
    words = text.split()
    if len(words) < 2 or words[0].startswith("#"):
        return text
    options = words[3].split(",") if len(words) > 3 else []
    if {"noauto", fstab.NOFAIL} & {*options}:
        return text
    return _with_options(text, fstab.NOT_WAITED_FOR)


def _with_options(text: str, options: tuple[str, ...]) -> str:
    """Return a line with more options: the fourth word of both tables has them."""
    words = text.split()
    words += ["none"] * (3 - len(words))
    words[3:4] = [",".join((*words[3:4], *options))]
    return "\t".join(words)
