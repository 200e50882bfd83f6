"""Hostile command lines and lists for init, which runs them under ASan and UBSan.

The base image decides what the lists hold, and firmware or a person at the boot menu what the command line says: init
is PID 1, and must come through whatever it reads.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

from tests.campaigns.running import Tally, main, rounds
from tests.support.places import ROOT

SOURCES = ("cmdline.c", "listing.c", "sparse.c", "stages.c", "xattrs.c")
BATCH = 400
_DONE = 0
_WORDS = (
    b"quiet", b"--", b"claylinux.tmpfs=50%", b"claylinux.tmpfs=", b"claylinux.on_failure=shell", b"=", b"init=/bin/sh",
    b"claylinux.tmpfs=99999999999999999999G", b'"', b"\xff\xfe", b"a" * 3000,
)  # fmt: skip
_PATHS = (
    b"/",
    b"/etc/passwd",
    b"",
    b".",
    b"..",
    b"/../../x",
    b"/a" * 2100,
    b"/\xff\n\x1b[2J",
    b"%s%n",
    b"/proc/self/mem",
)
_NUMBERS = (0, 1, 4096, 1 << 20, 1 << 40, 1 << 63, (1 << 64) - 1)
_NAMES = (b"user.a", b"security.capability", b"system.posix_acl_access", b"", b"x", b"user." + b"b" * 300, b"%n")


def campaign(seconds: float, seed: int) -> Tally:
    """Run rounds of `BATCH` cases each."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as scratch:
        harness, root = build(Path(scratch)), Path(scratch, "root")
        for random in rounds(seconds, seed):
            root.mkdir()
            cases = [_case(random) for _ in range(BATCH)]
            _run(harness, root, cases, tally)
            shutil.rmtree(root)
    return tally


def build(scratch: Path) -> Path:
    """Return the harness, compiled with both sanitizers."""
    program = scratch / "harness"
    flags = ["-std=gnu11", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    files = [str(ROOT / "init" / name) for name in SOURCES]
    harness = str(ROOT / "tests/campaigns/init_harness.c")
    subprocess.run(["gcc", *flags, f"-I{ROOT / 'init'}", "-o", str(program), harness, *files], check=True, timeout=300)
    return program


def _run(harness: Path, root: Path, cases: list[tuple[bytes, bytes]], tally: Tally) -> None:
    stream = b"".join(kind + struct.pack("<I", len(data)) + data for kind, data in cases)
    # In an empty root, the search for leaks finds no /proc; PID 1 frees nothing on its way anyway.
    environment = {"ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run([harness, root], input=stream, capture_output=True, check=False, timeout=300, env=environment)
    codes = done.stdout.split()
    tally.inputs += len(codes)
    for code, (kind, data) in zip(codes, cases, strict=False):
        tally.outcomes[kind.decode()] += 1
        if int(code) != _DONE:
            tally.fail(f"exit {code.decode()} of {kind.decode()}", repr(data[:400]))
    if len(codes) != len(cases):
        tally.fail("the harness ended", done.stderr.decode(errors="replace")[-2000:])
    elif done.stderr:
        tally.fail("a sanitizer spoke", done.stderr.decode(errors="replace")[:2000])


def _case(random: Random) -> tuple[bytes, bytes]:
    kind = random.choice((b"c", b"k", b"t", b"r", b"s", b"x"))
    if kind in (b"c", b"k"):
        data = b" ".join(random.choice(_WORDS) for _ in range(random.randrange(40)))
    else:
        data = b"".join(_record(random, kind) for _ in range(random.randrange(6)))
    return kind, _spoiled(random, data)


def _record(random: Random, kind: bytes) -> bytes:
    path = random.choice(_PATHS) + b"\0"
    if kind == b"r":
        return path
    if kind == b"t":
        return path + struct.pack("<Q", random.choice((0, 1, 1 << 31, 1 << 63, (1 << 64) - 1)))
    if kind == b"s":
        count = random.choice((0, 1, 2, 1 << 61, (1 << 64) - 1))
        numbers = [random.choice(_NUMBERS) for _ in range(1 + 2 * min(count, 3))]
        return path + struct.pack(f"<QQ{len(numbers) - 1}Q", numbers[0], count, *numbers[1:])
    value = random.randbytes(random.choice((0, 1, 20, 70_000)))
    length = random.choice((len(value), len(value), 0, len(value) + 1, 0xFFFFFFFF))
    return path + random.choice(_NAMES) + b"\0" + struct.pack("<I", length) + value


def _spoiled(random: Random, data: bytes) -> bytes:
    """Return the data as it is, cut off, or with bytes that are others."""
    how = random.randrange(4)
    if how == 0 and data:
        return data[: random.randrange(len(data))]
    if how == 1 and data:
        changed = bytearray(data)
        for _ in range(random.randrange(1, 4)):
            changed[random.randrange(len(changed))] = random.randrange(256)
        return bytes(changed)
    return data


if __name__ == "__main__":
    sys.exit(main("init_lists", campaign, sys.argv[1:]))
