"""What becomes of a boot that cannot go on without its state."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.guest_programs import SHELLS, Guest

STOP = 'sleep() { echo "slept $1"; [ "$1" != 3600 ] || exit 0; }; give_up'


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("words", "pressed"),
    [
        ("quiet", ""),
        ("quiet claylinux.on_failure=reboot", "b\n"),
        ("claylinux.on_failure=poweroff quiet", "o\n"),
        ("claylinux.on_failure=reboots", ""),
    ],
)
def test_it_does_what_the_command_line_says(tmp_path: Path, shell: str, words: str, pressed: str) -> None:
    guest = Guest(tmp_path / "guest", shell)
    (guest.place / "proc").mkdir()
    (guest.place / "proc/cmdline").write_text(f"{words}\n")
    (guest.place / "proc/sysrq-trigger").write_text("")
    assert guest.run(STOP).splitlines() == (["slept 5"] if pressed else []) + ["slept 3600"]
    assert (guest.place / "proc/sysrq-trigger").read_text() == pressed
    assert "<2>claylinux: state: stopped here, because the build file says that the state is required" in guest.log


@pytest.mark.parametrize("shell", SHELLS)
def test_problems_are_told_and_kept(tmp_path: Path, shell: str) -> None:
    guest = Guest(tmp_path / "guest", shell)
    guest.run("note making; problem one; problem two words")
    assert guest.said == "one\ntwo words\n"
    assert guest.log.splitlines() == [
        "<5>claylinux: state: making",
        "<2>claylinux: state: one",
        "<2>claylinux: state: two words",
    ]
