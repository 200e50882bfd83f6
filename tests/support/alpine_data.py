"""Alpine's own content where its mirror is out of reach.

The shared data (`localengine.places.data_dir`) has signed packages of one release. A VM image that PyPI has is Alpine
3.23 as installed: apk-tools 3, and the kernel linux-virt.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from localengine.places import cache_dir, data_dir
from tests.support.engine import REPOSITORY, out_of_reach, unavailable
from tests.support.vm import require_tool

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""What Alpine calls an architecture, by Docker's name."""
_LOCK = REPOSITORY / "requirements/alpine.txt"


def signed_packages(folder: str, architecture: str) -> Path | None:
    """Return the repository `folder` of the shared data if it is there: packages with Alpine's own signatures."""
    repository = data_dir() / folder
    return repository if (repository / MACHINES[architecture] / "APKINDEX.tar.gz").exists() else None


def installed_system(architecture: str) -> Path:
    """Return the tree of Alpine 3.23 as installed. Skips the test where PyPI does not have it."""
    if os.geteuid() != 0:
        unavailable("only root can unpack a system with its owners")
    cache = cache_dir() / "test-assets"
    pinned = next(line.split()[0] for line in _LOCK.read_text().splitlines() if "==" in line)
    folder = cache / f"{pinned}-{architecture}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            tree = _unpack(_download(pinned, architecture, Path(scratch)), Path(scratch))
            # Another session may have been faster.
            if not folder.exists():
                tree.rename(folder)
    return folder


def _download(pinned: str, architecture: str, to: Path) -> Path:
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    platform = f"--platform=manylinux_2_17_{MACHINES[architecture]}"
    done = _run(*words, platform, f"--dest={to}", f"--requirement={_LOCK}")
    if done.returncode != 0:
        out_of_reach(f"PyPI has no {pinned} for {architecture}, in which apk-tools 3 and linux-virt are: {done.stderr}")
    (wheel,) = to.glob("*.whl")
    return wheel


def _unpack(wheel: Path, to: Path) -> Path:
    require_tool("qemu-img", "debugfs")
    with zipfile.ZipFile(wheel) as archive:
        (image,) = (name for name in archive.namelist() if name.endswith(".qcow2"))
        archive.extract(image, to)
    disk, tree = to / "disk.raw", to / "tree"
    tree.mkdir()
    for argv in (
        ("qemu-img", "convert", "-O", "raw", str(to / image), str(disk)),
        ("debugfs", "-R", f"rdump / {tree}", str(disk)),
    ):
        done = _run(*argv)
        assert done.returncode == 0, done.stderr
    return tree


def _run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
