"""The imager on another day, for another user's habits, on one processor: the same bytes of every kind of file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imager.requests.outputs import BY_FORMAT
from imager.requests.packing import Initramfs, Uki
from imager.requests.reports import Inspect, Sizes
from tests.support.elsewhere import ONE_PROCESSOR, STRANGER, late
from tests.support.engine import REPOSITORY, digests
from tests.support.imager import EPOCH, make_pe, make_system

DAY = 86400
SCRIPT = """\
import json, sys, time
from imager.__main__ import main
for argv in json.loads(sys.argv[1]):
    assert main(argv) == 0
print(time.time())
"""


def requests() -> list[list[str]]:
    """Everything that a build asks for of a system in one segment, under the same names in every build."""
    at: dict[str, Any] = {"system": "../system", "epoch": EPOCH}
    initrd, uki = "initrd", "x.json"
    found: list[Any] = [
        Inspect(system=at["system"], output="report.json"),
        Initramfs(init="../init", output=initrd, compression="zstd", facts="facts.json", **at),
        Uki(
            kernel_version="6.1.0-1-amd64", initrd=(initrd,), cmdline="quiet", architecture="amd64",
            stub="../stub", output=uki, name="x", **at,
        ),
    ]  # fmt: skip
    for name, make in BY_FORMAT.items():
        found.append(make(uki=uki, output=f"x.{name}", architecture="amd64", epoch=EPOCH))
    sizes: dict[str, Any] = {"output": "sizes.json", "text": "sizes.txt", "page": "sizes.html", "name": "x"}
    found.append(Sizes(uki=uki, **sizes, **at))
    return [list(request.argv()) for request in found]


def make(folder: Path, *before: str, umask: int, env: dict[str, str]) -> float:
    """Run them; give the time that the program saw."""
    folder.mkdir()
    argv = [*before, sys.executable, "-c", SCRIPT, json.dumps(requests())]
    done = subprocess.run(
        argv,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **env},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_the_same_bytes_elsewhere(tmp_path: Path) -> None:
    """More than a year later: everything that has a year, a month or a day in it would differ."""
    system = make_system(tmp_path / "system")
    (system / "etc/big").write_bytes(bytes(range(256)) * 100_000)
    (tmp_path / "stub").write_bytes(make_pe())
    (tmp_path / "init").write_bytes(b"init")
    later = {"LD_PRELOAD": str(late(tmp_path, 400 * DAY))}
    now = make(tmp_path / "here", umask=0o022, env={"TZ": "UTC"})
    then = make(tmp_path / "elsewhere", *ONE_PROCESSOR, umask=0o077, env={**later, **STRANGER})
    assert then - now > 399 * DAY
    here, elsewhere = digests(tmp_path / "here"), digests(tmp_path / "elsewhere")
    assert len(here) > 11
    assert here == elsewhere
    modes = {path.name: path.stat().st_mode for path in (tmp_path / "here").iterdir()}
    assert modes == {path.name: path.stat().st_mode for path in (tmp_path / "elsewhere").iterdir()}
