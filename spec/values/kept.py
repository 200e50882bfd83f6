"""What stays on a disk: paths and words of `persist`, the disk and the size of `state`."""

from __future__ import annotations

import re
from typing import Annotated

from spec.kept import STORE, TPM2, WORDS

from .filesystems import NEEDED
from .kinds import MismatchError, Text
from .paths import normal
from .sizes import SIZE, size
from .wording import code, listing, suggest

_NEVER = {
    "/": "the system is in memory, and a new image brings a new one",
    "/boot": "it is not in the running system",
    "/dev": "the kernel creates device files there",
    "/init": "Claylinux uses it at boot",
    "/proc": "the kernel shows processes there",
    "/run": "it is empty at every boot",
    "/sys": "the kernel shows devices there",
    "/tmp": "it is empty at every boot",
    "/.claylinux": "Claylinux uses it at boot",
}
"""Directories of which nothing stays, and why."""
_WHOLE = {
    **dict.fromkeys(NEEDED, "a new image could not change it any more"),
    "/usr/lib/claylinux": "it is what brings back the others",
    "/var": "the image's own packages are listed there",
    "/var/lib": "the image's own packages are listed there",
}
"""Directories that cannot stay as a whole, and why."""
_USE_WORD = {"/etc/machine-id": "machine-id", "/var/lib/dbus/machine-id": "machine-id"}
_KEY_FILE = r"(LABEL|UUID)=[A-Za-z0-9_.\-]{1,36}/[A-Za-z0-9_.\-/]{1,128}"
_DISK = r"empty|/dev/[A-Za-z0-9]+|(serial|wwid)=[A-Za-z0-9_.:\-]{1,128}"


def _kept(text: str) -> str:
    if text in WORDS:
        return text
    if not text.startswith("/"):
        near = suggest(text, WORDS)
        raise MismatchError(f"did you mean {code(near)}?" if near else f"the words are {listing(WORDS, 'and')}")
    path = normal(text)
    if path in _USE_WORD:
        raise ValueError(f"a program replaces {path}: write the word `{_USE_WORD[path]}`")
    if f"{path}/".startswith(f"{STORE}/"):
        raise ValueError(f"all of {STORE} stays: remove this line")
    top = "/" + path.split("/")[1]
    if top in _NEVER:
        raise ValueError(f"nothing of {top} can stay: {_NEVER[top]}: choose another directory (for example `/srv`)")
    if path in _WHOLE:
        raise ValueError(f"{path} cannot stay as a whole: {_WHOLE[path]}: name directories below it")
    return path


def _size(text: str) -> int | None:
    return None if text == "rest" else size(text)


def _state_disk(text: str) -> str:
    return text if text == "boot" else _disk(text)


def _disk(text: str) -> str:
    if re.fullmatch(r"[hsv]d[a-z]|nvme\d+n\d+|mmcblk\d+", text):
        raise MismatchError(f"write the full path: `/dev/{text}`")
    if text.startswith("/dev/disk/"):
        raise MismatchError("these links are made later in the boot: write `serial=...` or `wwid=...`")
    if not re.fullmatch(_DISK, text):
        raise MismatchError
    return text


def _encryption(text: str) -> str:
    if text == TPM2:
        return text
    if text in ("tpm", "tpm2.0", "true", "yes"):
        raise MismatchError(f"did you mean {code(TPM2)}?")
    if text.startswith("/"):
        raise MismatchError(
            "a key on the same disk would protect nothing: name the disk, too, as `LABEL=KEYS/state.key`"
        )
    if not re.fullmatch(_KEY_FILE, text) or normal(text[text.index("/") :]) != text[text.index("/") :]:
        raise MismatchError
    return text


Kept = Annotated[
    str,
    Text(
        f"a directory, or one of {listing(WORDS, 'and')}",
        ("/var/lib/app",),
        pattern=r"[^\s\"\\]+",
        convert=_kept,
    ),
]
StateSize = Annotated[int | None, Text("a size, or `rest`", ("8G", "rest"), pattern=rf"rest|{SIZE}", convert=_size)]
StateDisk = Annotated[
    str,
    Text(
        "`boot`, `empty`, a disk in /dev, or `serial=...` or `wwid=...` as the disk has it",
        ("/dev/vdb", "serial=S4EWNX0R"),
        pattern=r"[^\s]+",
        convert=_state_disk,
    ),
]
InstallDisk = Annotated[
    str,
    Text(
        "`empty`, a disk in /dev, or `serial=...` or `wwid=...` as the disk has it",
        ("/dev/vdb", "serial=S4EWNX0R"),
        pattern=r"[^\s]+",
        convert=_disk,
    ),
]
StateLabel = Annotated[str, Text("1 to 16 letters, digits and `_.-`", ("DATA",), pattern=r"[A-Za-z0-9_.\-]{1,16}")]
StateEncryption = Annotated[
    str,
    Text(
        "`tpm2`, or a file on another disk",
        ("tpm2", "LABEL=KEYS/state.key"),
        pattern=r"[^\s]+",
        convert=_encryption,
    ),
]
