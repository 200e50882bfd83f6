"""The system for the benchmarks: a Debian of about 580 MB from the host's own mirror, made once."""

from __future__ import annotations

import os
import shutil
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from localengine.commands import watch
from localengine.errors import EngineError
from localengine.host import find_on_host, host_mirror, install_host_packages
from localengine.places import cache_dir
from localengine.say import say

SUITE = "trixie"
PACKAGES = (
    "linux-image-cloud-amd64",
    "systemd-boot-efi",  # the stub, for both pipelines
    "systemd-sysv",
    "udev",
    "curl",
    "gcc",
    "git",
    "nginx",
    "openssh-server",
    "perl",
    "python3",
    "sqlite3",
    "strace",
    "tcpdump",
    "vim",
)
STUB = "usr/lib/systemd/boot/efi/linuxx64.efi.stub"


def system() -> Path:
    """Return the directory with the system; raises EngineError if it cannot be made."""
    mark = zlib.crc32(" ".join((SUITE, *PACKAGES)).encode())
    tree = cache_dir() / "bench" / f"{SUITE}-{mark:08x}"
    if tree.is_dir():
        return tree
    if os.geteuid() != 0:
        raise EngineError("making a system needs root: run this program as root")
    if not find_on_host("mmdebstrap"):
        install_host_packages(["mmdebstrap"])
    part = tree.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    say(f"making a Debian {SUITE} of {len(PACKAGES)} packages and their dependencies in {tree}")
    include = f"--include={','.join(PACKAGES)}"
    argv = ["mmdebstrap", "--variant=minbase", "--format=directory", include, SUITE, str(part), host_mirror()]
    watch(argv, "cannot make the system for the benchmark")
    part.rename(tree)
    return tree
