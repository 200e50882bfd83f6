"""Swap space: lines of the file systems table, and the program for compressed memory."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.customize import swap
from imager.requests.mounts import Swap
from spec.swap import DeviceSwap, ZramSwap
from spec.values.types import Share
from tests.support.imager import EPOCH

PROGRAM = "usr/lib/claylinux/zram-swap"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    for path in ("usr/bin/systemctl", "usr/sbin/mkswap", "sbin/swapon", "usr/sbin/modprobe", "etc/fstab"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    return tmp_path


def add(system: Path, *spaces: DeviceSwap | ZramSwap) -> list[str]:
    swap.run(Swap(system=str(system), swap=spaces, epoch=EPOCH))
    return (system / "etc/fstab").read_text().splitlines()


def test_devices(system: Path) -> None:
    old = ["# LABEL=swap", "LABEL=swap none swap sw,pri=5 0 0", "LABEL=DATA /data ext4 defaults 0 2"]
    (system / "etc/fstab").write_text("".join(f"{line}\n" for line in old))
    assert add(system, DeviceSwap(device="LABEL=swap"), DeviceSwap(device="/dev/a b", optional=True)) == [
        old[0],
        old[2],
        "LABEL=swap\tnone\tswap\tsw\t0\t0",
        "/dev/a\\040b\tnone\tswap\tsw,nofail,x-systemd.device-timeout=10\t0\t0",
    ]
    assert not (system / PROGRAM).exists()


def test_compressed_memory(system: Path) -> None:
    assert add(system, ZramSwap(zram=Share(50))) == []
    program = system / PROGRAM
    assert stat.S_IMODE(program.stat().st_mode) == 0o755
    subprocess.run(["sh", "-n", str(program)], check=True, timeout=10)


@pytest.mark.parametrize(
    ("words", "size", "algorithm"),
    [
        (("50%",), "512000K", "lzo\n"),
        (("100%", "zstd"), "1024000K", "zstd\n"),
        (("1073741824",), "1073741824", "lzo\n"),
    ],
)
def test_how_large_it_is(
    system: Path, tmp_path_factory: pytest.TempPathFactory, words: tuple[str, ...], size: str, algorithm: str
) -> None:
    """With directories instead of /proc and /sys, and programs that write down what they were told."""
    add(system, ZramSwap(zram=Share(50)))
    machine = tmp_path_factory.mktemp("machine")
    for name, text in {
        "proc/meminfo": "MemFree: 7 kB\nMemTotal: 1024000 kB\nSwapTotal: 0 kB\n",
        "sys/class/zram-control/hot_add": "3\n",
        "sys/block/zram3/comp_algorithm": "lzo\n",
        "told": "",
    }.items():
        (machine / name).parent.mkdir(parents=True, exist_ok=True)
        (machine / name).write_text(text)
    script = (system / PROGRAM).read_text()
    for place in ("/proc", "/sys"):
        script = script.replace(f" {place}/", f" {machine}{place}/").replace(f'"{place}/', f'"{machine}{place}/')
    told = "".join(
        f'{name}() {{ echo "{name} $*" >> "{machine}/told"; }}\n' for name in ("mkswap", "swapon", "modprobe")
    )
    subprocess.run(["sh", "-c", told + script, "zram-swap", *words], check=True, timeout=10)
    assert (machine / "sys/block/zram3/disksize").read_text() == f"{size}\n"
    assert (machine / "sys/block/zram3/comp_algorithm").read_text() == algorithm
    assert (machine / "told").read_text() == "mkswap /dev/zram3\nswapon -p 100 /dev/zram3\n"


@pytest.mark.parametrize(
    ("program", "package"),
    [("usr/sbin/mkswap", "util-linux"), ("sbin/swapon", "mount or util-linux"), ("usr/sbin/modprobe", "kmod")],
)
def test_programs_that_are_missing(system: Path, program: str, package: str) -> None:
    (system / program).unlink()
    assert add(system, DeviceSwap(device="/dev/vdb"))
    with pytest.raises(ImagerError) as caught:
        add(system, ZramSwap(zram=1 << 30))
    name = program.rpartition("/")[2]
    assert str(caught.value) == f"swap: `zram` needs {name}: add {package} to `packages`"
