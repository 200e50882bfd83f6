"""The kernel command line: what every program has, and what closes the one of a signed program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError

if TYPE_CHECKING:
    from imager.requests.packing import Uki

CLOSING = {"lockdown": "integrity", "systemd.import_credentials": "no", "systemd.gpt_auto": "no"}
"""What a signed command line has, unless it says otherwise.

Debian's kernels lock themselves down with Secure Boot, Alpine's do not. systemd takes credentials, which can be whole
units, from SMBIOS and fw_cfg of a virtual machine, and looks for partitions to mount on the disk that it started from:
nobody has signed those.
"""
LIMIT = 2047
"""Bytes that the kernel takes (COMMAND_LINE_SIZE of x86 and arm64)."""
_WORD = re.compile(r'(?:"[^"]*"|[^\s"])+')
_END = "--"


def of(request: Uki) -> str:
    """Return the command line of a program. Raises ImagerError for one that the kernel would not understand.

    Layers need only a simple file system, but one that may use all memory: a tmpfs may use half of the memory that the
    initramfs leaves, a ramfs all of it (Documentation/filesystems/ramfs-rootfs-initramfs). Layers of 235 MB booted with
    532 MB of memory instead of 749 (bench/README.md).
    """
    line = request.cmdline
    if not line.replace("\t", " ").isprintable():
        raise ImagerError("the kernel command line must be one line of text")
    if request.layers and "rootfstype=" not in line:
        line = f"rootfstype=ramfs {line}".rstrip()
    return closed(line) if request.signer else line


def closed(line: str) -> str:
    """Return a command line that nothing can be added to: it has `--`, behind which the kernel takes no parameters.

    systemd-stub appends words of SMBIOS and of addons. Our init refuses to start a signed system with them, but it has
    to be started first: without `--`, a word such as `rdinit=/bin/sh` would be the kernel's.
    """
    if line.count('"') % 2:
        raise ImagerError("the kernel command line has a quotation mark too few: the end of a signed one must be clear")
    words = _WORD.findall(line)
    end = words.index(_END) if _END in words else len(words)
    named = {word.partition("=")[0] for word in words[:end]}
    added = [f"{name}={value}" for name, value in CLOSING.items() if name not in named]
    result = " ".join([*words[:end], *added, _END, *words[end + 1 :]])
    if len(result.encode()) > LIMIT:
        raise ImagerError(f"the kernel command line has {len(result.encode()):,} bytes, and kernels read {LIMIT:,}")
    return result
