"""How long the boot waits for a disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.guest_programs import ESP, SHELLS, Guest

WAIT = """
boot_partition() { echo "$boot"; }
find() { :; }
sleep() {
  echo "$1" >>"$said.slept"
  [ ! -x "$said.then" ] || "$said.then"
}
seconds() { echo $(($(cat "$said.slept" 2>/dev/null | wc -l) / 5)); }
wait_for_disks 2 6
"""


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    return Guest(tmp_path / "guest", request.param)


def slept(guest: Guest) -> int:
    """Return how often it waited for a fifth of a second."""
    file = guest.place / "said.slept"
    return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.mark.slow
def test_a_disk_that_is_there_is_not_waited_for(guest: Guest) -> None:
    guest.disk("vda", 50, f"label: gpt\n{ESP}")
    (guest.place / "sys/class/block/vda").touch()
    guest.run(WAIT)
    assert slept(guest) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("boot", "most"), [("", 10), ("0-0", 30)])
def test_a_disk_that_does_not_come(guest: Guest, boot: str, most: int) -> None:
    guest.run(WAIT, boot=boot)
    assert slept(guest) == most


@pytest.mark.slow
def test_a_disk_that_comes_late(guest: Guest) -> None:
    guest.disk("vda", 50, f"label: gpt\n{ESP}")
    (guest.place / "dev/vda").rename(guest.place / "late")
    script = guest.place / "said.then"
    script.write_text(f"""#!/bin/sh
cd {guest.place}
[ "$(wc -l <said.slept)" != 9 ] || {{ mv late dev/vda; touch sys/class/block/vda; }}
""")
    script.chmod(0o755)
    guest.run(WAIT)
    assert slept(guest) == 9
