"""What packing takes in memory: our process and the program that it feeds, together."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.engine import unavailable
from tests.support.imager import make_pe, make_system
from tests.support.places import ROOT
from tests.support.secure_boot import make_signer

pytestmark = pytest.mark.slow

BOUND = 64
"""MiB. All buffers are full long before 150 MB were read; docs/internals/packing.md has what grows with the files."""
SCRIPT = """
import os, resource, sys
os.sched_getaffinity = lambda _: set(range(64))
from imager.__main__ import main
assert main(sys.argv[1:]) == 0
(line,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(line.split()[1]) + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""The largest that either ever was, in KiB, on a machine with 64 processors."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 MB: files that do not compress, and small ones that do."""
    system = make_system(tmp_path_factory.mktemp("peak") / "system")
    source = random.Random(0)
    block = source.randbytes(10 << 20)
    for index in range(14):
        # Other content in each: programs notice files that are the same.
        (system / f"opt-{index}").write_bytes(b"%d" % index + block)
    for index in range(500):
        (system / f"etc/small-{index}").write_bytes(source.randbytes(1000) * 20)
    return system


def test_peak_of_an_initramfs(system: Path) -> None:
    words = ("--system", str(system), "--init", str(system / "usr/sbin/init"))
    assert peak("zstd", "packing.Initramfs", system.with_name("initramfs"), *words) < BOUND


def test_peak_of_a_layer(system: Path) -> None:
    assert peak("tar2sqfs", "packing.Layer", system.with_name("layer"), "--system", str(system)) < BOUND - 16


def test_peak_of_a_signature(tmp_path: Path) -> None:
    """Of a program of 500 MB; nearly all of it is a hole, which reads as zeros."""
    signer = make_signer(tmp_path)
    program = tmp_path / "program.efi"
    program.write_bytes(make_pe())
    with program.open("ab") as file:
        file.truncate(500_000_000)
    words = ("--uki", str(program), "--certificate", str(signer.certificate), "--key", str(signer.key))
    assert peak("openssl", "secureboot.Sign", tmp_path / "signed.json", *words) < BOUND - 16


def peak(program: str, command: str, output: Path, *more: str) -> float:
    if shutil.which(program) is None:
        unavailable(f"{program} is not installed")
    words = [command, "--output", str(output), "--epoch", "0", *more]
    done = subprocess.run([sys.executable, "-c", SCRIPT, *words], cwd=ROOT, capture_output=True, check=True)
    output.unlink()
    return int(done.stdout.split()[-1]) / 1024
