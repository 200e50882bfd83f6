"""What stays on a disk: what the programs in the machine need to know.

They run before the system's own init, which reads some of the files that stay as soon as it starts: a script takes the
place of /sbin/init, and becomes the init in the end.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import output
from imager.core.errors import ImagerError
from imager.customize import guest
from imager.rootfs import initsystem, seal
from imager.rootfs.root import Root
from imager.rootfs.text import write
from imager.rootfs.writing import make_directory, make_link, write_file
from spec.kept import JOURNAL, MACHINE_ID, NETWORK, PARTITION_TYPE, SSH_HOST_KEYS, STORE, TPM2

if TYPE_CHECKING:
    from imager.requests.state import State

_INIT = "sbin/init"
_GPT_AUTO = "etc/systemd/system-generators/systemd-gpt-auto-generator"
"""What mounts partitions because of their types. The root is on no disk, so it finds none, or fails."""
_PROGRAMS = {
    "sfdisk": "fdisk (sfdisk on Alpine)",
    "mkfs.ext4": "e2fsprogs",
    "e2fsck": "e2fsprogs",
    "resize2fs": "e2fsprogs (e2fsprogs-extra on Alpine)",
}
"""What the programs in the machine call, beside what every system has, and the package with it."""
_PROGRAMS_ON_DISK = {"partx": "util-linux (partx on Alpine)"}
"""The same where the system is on the disk, whose table is in use then."""
_FOR_KEY_FILES = {"cryptsetup": "cryptsetup (or cryptsetup-bin)", "findfs": "util-linux (findfs on Alpine)"}
_FOR_TPM2 = {"cryptsetup": "cryptsetup-bin", "systemd-cryptenroll": "systemd-cryptsetup (or a newer systemd)"}
_JOURNAL = {initsystem.SYSTEMD: "/var/log/journal", initsystem.OPENRC: "/var/log"}
_NETWORKS = {
    "usr/sbin/NetworkManager": ("/etc/NetworkManager/system-connections", "/var/lib/NetworkManager"),
    "usr/lib/systemd/systemd-networkd": ("/var/lib/systemd/network",),
    "sbin/dhcpcd": ("/var/lib/dhcpcd",),
    "usr/sbin/dhcpcd": ("/var/lib/dhcpcd",),
    "usr/libexec/iwd": ("/var/lib/iwd",),
}
"""What remembers networks, and where."""


_FLUSH = "usr/lib/systemd/system/systemd-journal-flush.service.d/50-claylinux-state.conf"
_RELINQUISH = """\
# By Claylinux, from the key `persist`: when the system stops, this service lets journald close its files. By itself it
# does so only where a unit file has the mount.
[Unit]
Conflicts=shutdown.target
Before=shutdown.target
"""


def run(request: State) -> None:
    """Install the programs and their lists. Raises ImagerError for what the system lacks."""
    root = Root(Path(request.system))
    init = initsystem.need(root, "state")
    guest.need_programs(root, "state", {**_PROGRAMS, **(_PROGRAMS_ON_DISK if request.on_disk else {})})
    _need_encryption(root, init, request.state.encrypt)
    paths = tuple(sorted({path for name in request.persist for path in _paths(root, init, name)}))
    for path in paths:
        _check(root, path, request.epoch)
    make_directory(root, STORE, epoch=request.epoch)
    if init == initsystem.SYSTEMD:
        make_link(root, _GPT_AUTO, "/dev/null", epoch=request.epoch)
        if JOURNAL in request.persist:
            write(root, _FLUSH, _RELINQUISH, request.epoch)
    guest.install(root, request.epoch)
    comment = "By Claylinux, from the keys `state` and `persist`. Sizes are in MiB; 0 is all."
    guest.write_settings(root, "state", comment, _settings(request), request.epoch)
    write(root, f"{guest.PLACE}/persist.list", "".join(f"{path}\n" for path in paths), request.epoch)
    sealed = seal.find(root, request.keep)
    own = {*sealed.left_out, *sealed.emptied}
    listed = (line for path in paths for line in _list(root, path, own))
    write(root, f"{guest.PLACE}/image.list", "".join(listed), request.epoch)
    _take_over(root, request.epoch)


def _need_encryption(root: Root, init: str, encrypt: str | None) -> None:
    """Raise ImagerError if the system cannot open its state at boot."""
    if encrypt == TPM2 and init != initsystem.SYSTEMD:
        raise ImagerError(
            "state.encrypt: only systemd has the programs for `tpm2`: use a key file (LABEL=KEYS/state.key)"
        )
    if encrypt:
        guest.need_programs(root, "state.encrypt", _FOR_TPM2 if encrypt == TPM2 else _FOR_KEY_FILES)


def _paths(root: Root, init: str, name: str) -> tuple[str, ...]:
    """Return the directories that a path or a word of `persist` stands for."""
    if name == JOURNAL:
        return (_JOURNAL[init],)
    if name == NETWORK:
        found = {path for program, paths in _NETWORKS.items() if root.file(program) for path in paths}
        if not found:
            raise ImagerError("persist: no program of the system remembers anything about its `network`: remove it")
        return tuple(found)
    return (name,) if name.startswith("/") else ()


def _check(root: Root, path: str, epoch: int) -> None:
    """Make a directory where there is none. Raises ImagerError for what cannot stay."""
    status = root.status(path)
    if status is None:
        make_directory(root, path, epoch=epoch)
    elif not stat.S_ISDIR(status.st_mode):
        above = path.rpartition("/")[0] or "/"
        raise ImagerError(f"persist: {path} is a file in the system, and only directories stay: move it below {above}")
    real = f"/{root.real(path)}"
    if real != path:
        raise ImagerError(f"persist: {path} leads to {real} by a link: write that path")


def _settings(request: State) -> dict[str, str]:
    state = request.state
    words = {*request.persist} & {MACHINE_ID, SSH_HOST_KEYS}
    if JOURNAL in request.persist:
        words.add(MACHINE_ID)  # journald sorts its files by it, and shows only those of its own
    return {
        "state_label": state.label,
        "state_type": PARTITION_TYPE,
        "state_size": str(-(-(state.size or 0) >> 20)),
        "state_disk": state.disk,
        "state_required": "yes" if state.required else "no",
        "state_encrypt": state.encrypt or "",
        "persist_words": " ".join(sorted(words)),
    }


def _list(root: Root, directory: str, own: set[str]) -> Iterator[str]:
    """Yield a line for `directory` and all below it but what is the machine's `own`: kind, digest, rights, path."""
    top = root.status(directory)
    assert top is not None
    found = ((f"{directory}/{name}", status) for name, status in root.walk(directory))
    for path, status in ((directory, top), *found):
        if path[1:] in own or not path.isprintable() or "\\" in path or path != path.strip():
            continue  # of the last three, the shell would read another path
        end = f"{stat.S_IMODE(status.st_mode):o}:{status.st_uid}:{status.st_gid} {path}\n"
        if stat.S_ISDIR(status.st_mode):
            yield f"d - {end}"
        elif stat.S_ISLNK(status.st_mode):
            yield f"l {hashlib.sha256(os.fsencode(root.target(path) or '')).hexdigest()} {end}"
        elif stat.S_ISREG(status.st_mode):
            yield f"f {_digest(root, path)} {end}"


def _digest(root: Root, path: str) -> str:
    with root.opening(path) as fd:
        found = hashlib.sha256()
        if fd is not None:
            with os.fdopen(os.dup(fd), "rb") as file:
                while block := file.read(1 << 20):
                    found.update(block)
        return found.hexdigest()


def _take_over(root: Root, epoch: int) -> None:
    """Let `start` be /sbin/init, and the system's own be what it becomes."""
    real = root.real(_INIT)
    data = None if real is None else root.file(_INIT)
    if real is None or data is None:
        raise ImagerError("state: the system has no /sbin/init: add an init system to `packages`")
    if real == initsystem.START:
        return
    if root.target(_INIT) is None:  # no link: its file moves
        status = root.status(_INIT)
        assert status is not None
        with output.reading(data) as fd:
            content = output.read_at(fd, 0, status.st_size)
        write_file(root, initsystem.STARTED, content, mode=stat.S_IMODE(status.st_mode), epoch=epoch)
    else:
        make_link(root, initsystem.STARTED, f"/{real}", epoch=epoch)
    make_link(root, f"/{_INIT}", f"/{initsystem.START}", epoch=epoch)
