"""Programs that make file systems, from any Debian release, without installing them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from localengine.commands import watch
from localengine.host import find_on_host, host_mirror, install_host_packages
from localengine.places import cache_dir

PACKAGES = ("squashfs-tools", "squashfs-tools-ng", "erofs-utils", "zstd")
PROGRAMS = ("mksquashfs", "tar2sqfs", "mkfs.erofs", "zstd")


def toolbox(suite: str) -> Path:
    """Return a directory of programs for PATH; they run with the libraries of their own release."""
    tree = cache_dir() / "bench" / f"tools-{suite}"
    if not tree.is_dir():
        if not find_on_host("mmdebstrap"):
            install_host_packages(["mmdebstrap"])
        part = tree.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        argv = ["mmdebstrap", "--variant=extract", "--format=directory", f"--include={','.join(PACKAGES)}"]
        watch([*argv, suite, str(part), host_mirror()], f"cannot unpack the programs of {suite}")
        part.rename(tree)
    directory = tree / "run"
    directory.mkdir(exist_ok=True)
    (loader,) = tree.glob("**/x86_64-linux-gnu/ld-linux-x86-64.so.2")
    for name in PROGRAMS:
        program = directory / name
        libraries = ":".join(str(tree / root / "x86_64-linux-gnu") for root in ("usr/lib", "lib"))
        program.write_text(f'#!/bin/sh\nexec {loader} --library-path {libraries} {tree}/usr/bin/{name} "$@"\n')
        program.chmod(0o755)
    return directory
