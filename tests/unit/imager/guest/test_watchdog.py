"""Which watchdog a machine has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.guest_programs import GUEST, SHELLS


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("there", "late", "device"),
    [
        (("iTCO_wdt", "i6300ESB timer"), (), "/dev/watchdog1"),  # in QEMU before 8.0, the first does not act
        (("i6300ESB timer", "iTCO_wdt"), (), "/dev/watchdog0"),
        (("iTCO_wdt",), (), "/dev/watchdog0"),
        ((), ("sbsa-gwdt",), "/dev/watchdog0"),
        ((), (), "/dev/watchdog7"),
    ],
)
def test_the_one_that_is_fed(
    shell: str, there: tuple[str, ...], late: tuple[str, ...], device: str, tmp_path: Path
) -> None:
    """That in software, number 7 here, is only loaded if no device has another one when all were looked for."""
    script = f"""
      add() {{
        mkdir -p "{tmp_path}/class/watchdog/watchdog$1/device"
        ln -s "../drivers/$2" "{tmp_path}/class/watchdog/watchdog$1/device/driver"
      }}
      modprobe() {{ [ "$2" != softdog ] || add 7 soft; }}
      udevadm() {{ {" ".join(f"add 0 {name};" for name in late)} :; }}
      {" ".join(f"add {number} '{name}';" for number, name in enumerate(there))}
      sys={tmp_path} link={tmp_path}/run/watchdog
      . {GUEST}/update/watchdog
    """
    argv = ["busybox", "sh"] if shell == "busybox" else [shell]
    subprocess.run([*argv, "-uc", script], check=True, timeout=60)
    assert str((tmp_path / "run/watchdog").readlink()) == device


def test_a_machine_without_one(tmp_path: Path) -> None:
    script = f"modprobe() {{ return 1; }}; sys={tmp_path} link={tmp_path}/watchdog; . {GUEST}/update/watchdog"
    subprocess.run(["dash", "-uc", script], check=True, timeout=60)
    assert not (tmp_path / "watchdog").exists()
