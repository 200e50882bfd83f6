"""What belongs to one machine is left out when a system is packed: many machines start the same image.

Packages, Dockerfiles and `run` steps make keys and names as if the build were a machine. They are left out of every
stage, so that none stays readable below the one that removes it, and each machine makes its own at boot: with the
programs of its packages, or with `make-identity` in the directory `identity`, which is added then.

A file that is wanted in the image is named: in `files` of the build file (the request's `keep`), or by its path on a
line of /boot/keep.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from imager.rootfs import initsystem
from imager.rootfs.identities import LOGS, MACHINE_ID, RULES
from imager.rootfs.installed import has_program
from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from imager.rootfs.root import Root

KEEP = "boot/keep"
"""Names files to ship, one path on a line; `#` starts a comment. It is not shipped itself, as all of /boot."""
_KEEP_LIMIT = 1 << 16
_SHOWN = 12
_ROTATED = re.compile(r"(.*/)?journal/.+|.*\.([0-9]+|gz|xz|bz2|zst|old)")
"""Logs that nothing continues to write; all others are emptied, as their owner may not be able to make them."""

_ID = re.compile(rb"[0-9A-Fa-f-]{32}")
"""An ID, also in forms that only some programs accept; not `uninitialized`."""

_OWN = Path(__file__).parent / "identity"
_SERVERS = ("sshd", "dropbear")
_NAMED = ("nvme", "iscsi-iname", "make-ssl-cert")
"""Programs that need what `make-identity` makes: host keys, and names."""
_SCRIPT, _UNITS = "usr/lib/claylinux/make-identity", "usr/lib/systemd/system"
_FILE, _PROGRAM, _LINK = stat.S_IFREG | 0o644, stat.S_IFREG | 0o755, stat.S_IFLNK | 0o777
_SERVER_UNITS = tuple(
    f"{name}.service"
    for name in ("ssh", "sshd", "ssh@", "sshd@", "sshd-unix-local@", "sshd-vsock@", "dropbear", "dropbear@")
)
_SOCKET_UNITS = ("ssh.socket", "sshd.socket", "dropbear.socket")
_STARTS_SERVER = re.compile(rb"^Exec[A-Za-z]*[ \t]*=.*/(sshd|dropbear)([ \t]|$)", re.MULTILINE)


class Added(NamedTuple):
    """A file of ours; `source` is where it lies on the builder."""

    source: Path
    mode: int


@dataclass(frozen=True)
class Seal:
    """What is different in the image, by paths in the system without links."""

    left_out: frozenset[str] = frozenset()
    emptied: Mapping[str, os.stat_result] = field(default_factory=dict)
    added: Mapping[str, Added] = field(default_factory=dict)


def find(root: Root, keep: Iterable[str] = ()) -> Seal:
    """Return the seal of a system; paths in `keep`, and those that the system itself wants to keep, stay."""
    kept = wanted(root, keep)
    left_out = set(_identities(root, kept))
    emptied: dict[str, os.stat_result] = {}
    for path, status in _logs(root):
        if path in kept:
            continue
        if _ROTATED.fullmatch(path):
            left_out.add(path)
        else:
            emptied[path] = status
    machine_id = root.real(MACHINE_ID)
    if machine_id is not None:
        left_out.discard(machine_id)
        if not {machine_id, MACHINE_ID} & kept and _ID.search(root.head(machine_id, 64)):
            found = root.status(machine_id)
            emptied |= {machine_id: found} if found else {}
    return Seal(frozenset(left_out), emptied, dict(_additions(root)))


def identities(root: Root, keep: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the files that make a machine recognizable, without its logs."""
    found = find(root, keep)
    logs = f"{root.real(LOGS) or LOGS}/"
    return tuple(path for path in sorted((*found.left_out, *found.emptied)) if not path.startswith(logs))


def describe(seal: Seal, below: Seal) -> str:
    """Return a line about what a stage has that is not in the image, without what the stage below has; or ""."""
    names = sorted(f"/{path}" for path in (*seal.left_out, *seal.emptied) if path not in below.left_out)
    names = [name for name in names if name[1:] not in below.emptied]
    logs = [name for name in names if name.startswith(f"/{LOGS}/")]
    others = [name for name in names if name not in logs]
    parts = [*others[:_SHOWN], *([f"{len(others) - _SHOWN} more"] if len(others) > _SHOWN else [])]
    parts += [f"the content of {len(logs)} logs"] if logs else []
    if not parts:
        return ""
    hint = f"to ship one, name it in `files` or /{KEEP}"
    return f"not in the image, as each machine has its own: {', '.join(parts)} ({hint})"


def wanted(root: Root, keep: Iterable[str]) -> frozenset[str]:
    """Return the paths of files to ship, with the links of their directories followed."""
    return frozenset(_place(root, path) for path in (*keep, *_wishes(root)))


def _wishes(root: Root) -> Iterator[str]:
    for line in lines(read(root, KEEP, _KEEP_LIMIT)):
        path = line.partition("#")[0].strip(" \t\r")
        if path:
            yield path


def _place(root: Root, path: str) -> str:
    """Return a path with the links of its directories followed, whether or not it is there."""
    directory, _, name = path.strip("/").rpartition("/")
    return f"{root.real(directory) or directory}/{name}".lstrip("/")


def _identities(root: Root, kept: frozenset[str]) -> Iterator[str]:
    """Yield what the rules match. A link stays, and what it leads to is left out: the key is made there again."""
    for rule in RULES:
        directory = root.real(rule.directory)
        for name in root.names(rule.directory):
            path = f"{directory}/{name}"
            if path in kept or not re.fullmatch(rule.names, name):
                continue
            target = root.target(path)
            if rule.link_to:
                if target == rule.link_to:
                    yield path
            elif target is None or rule.directory == "var/lib/cloud":
                yield path
            elif (real := root.real(path)) is not None and real not in kept and root.file(path) is not None:
                yield real


def _logs(root: Root) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the regular files with content below /var/log."""
    top = root.real(LOGS)
    for path, status in root.walk(top) if top else ():
        if stat.S_ISREG(status.st_mode) and status.st_size:
            yield f"{top}/{path}", status


def _additions(root: Root) -> Iterator[tuple[str, Added]]:
    """Yield the files that make identities at boot, where a program needs some."""
    system = initsystem.find(root)
    servers, named = has_program(root, *_SERVERS), has_program(root, *_NAMED)
    if system is None or not (servers or named):
        return
    wanted: dict[str, tuple[str, int]] = {_SCRIPT: ("make-identity", _PROGRAM)}
    if system == initsystem.OPENRC:
        wanted["etc/init.d/claylinux-identity"] = ("openrc", _PROGRAM)
        wanted["etc/runlevels/boot/claylinux-identity"] = ("runlevel", _LINK)
    elif named:
        wanted[f"{_UNITS}/claylinux-names.service"] = ("names.service", _FILE)
        wanted[f"{_UNITS}/sysinit.target.d/claylinux-names.conf"] = ("names.conf", _FILE)
    if system == initsystem.SYSTEMD and servers:
        wanted[f"{_UNITS}/claylinux-host-keys.service"] = ("host-keys.service", _FILE)
        for unit in (*_SERVER_UNITS, *_own_servers(root)):
            wanted[f"{_UNITS}/{unit}.d/claylinux-host-keys.conf"] = ("server.conf", _FILE)
        for unit in _SOCKET_UNITS:
            wanted[f"{_UNITS}/{unit}.d/claylinux-host-keys.conf"] = ("socket.conf", _FILE)
    for path, (source, mode) in wanted.items():
        directory, _, name = path.rpartition("/")
        place = root.place(directory)
        if place is not None:
            yield f"{place.relative_to(root.path)}/{name}", Added(_OWN / source, mode)


def _own_servers(root: Root) -> Iterator[str]:
    """Yield the units of the system's own that start a server under another name."""
    for name in root.names("etc/systemd/system"):
        path = f"etc/systemd/system/{name}"
        if name.endswith(".service") and root.target(path) is None and _STARTS_SERVER.search(root.head(path, 1 << 16)):
            yield name
