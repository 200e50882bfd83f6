"""The programs for the machine: what the command says where a system has no `state`."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.customize import guest
from imager.rootfs.root import Root
from tests.support.engine import REPOSITORY
from tests.support.imager import EPOCH


def test_the_command_works_without_any_settings(tmp_path: Path) -> None:
    guest.install(Root(tmp_path), EPOCH)
    ours = tmp_path / guest.PLACE
    command = (tmp_path / "usr/bin/claylinux").read_text()
    script = command.replace("ours=/usr/lib/claylinux", f"ours={ours}").replace("proc=/proc", f"proc={tmp_path}")
    for name, text in {"meminfo": "MemTotal: 9 kB\nMemAvailable: 5 kB\n", "mounts": "", "self/mountinfo": ""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["dash", "-c", script, "claylinux", "status"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "State     none: changes are gone after a reboot" in done.stdout
    assert "Problem" not in done.stdout


def test_settings_are_words_of_the_shell(tmp_path: Path) -> None:
    guest.write_settings(Root(tmp_path), "install", "From `install`.", {"a": "it's $HOME", "b": ""}, EPOCH)
    file = tmp_path / guest.PLACE / "install.conf"
    done = subprocess.run(["dash", "-c", f'. {file}; echo "$a.$b"'], capture_output=True, text=True, check=True)
    assert done.stdout == "it's $HOME.\n"


def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    with pytest.raises(ImagerError, match=r"^install: it needs sfdisk in the system: add fdisk to `packages`$"):
        guest.need_programs(Root(tmp_path), "install", {"sfdisk": "fdisk"})


def test_no_two_functions_have_one_name() -> None:
    """The command reads all parts, one after the other: the last one of a name would take the place of the others."""
    parts = (REPOSITORY / "imager/guest").rglob("*.sh")
    names = [name for part in parts for name in re.findall(r"^(\w+)\(\)", part.read_text(), re.MULTILINE)]
    assert [name for name, count in Counter(names).items() if count > 1] == []
