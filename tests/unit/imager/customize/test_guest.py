"""The programs for the machine: what the command says where a system has no `state`."""

from __future__ import annotations

import re
import stat
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.customize import guest
from imager.rootfs.root import Root
from tests.support.engine import REPOSITORY
from tests.support.imager import EPOCH

GUEST = REPOSITORY / "imager/guest"


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
    assert file.read_text().splitlines()[0] == "# From `install`."
    assert (mode(file), file.stat().st_mtime) == (0o644, EPOCH)


def test_a_missing_program_is_named_with_its_package(tmp_path: Path) -> None:
    with pytest.raises(ImagerError, match=r"^install: it needs sfdisk in the system: add fdisk to `packages`$"):
        guest.need_programs(Root(tmp_path), "install", {"sfdisk": "fdisk"})


@pytest.mark.parametrize("room", ["", "update", "install"])
def test_the_parts_are_read_and_the_programs_run(tmp_path: Path, room: str) -> None:
    guest.install(Root(tmp_path), EPOCH, room=room)
    modes = {str(path.relative_to(tmp_path)): mode(path) for path in tmp_path.rglob("*") if path.is_file()}
    assert modes.pop("usr/bin/claylinux") == 0o755
    ours = f"{guest.PLACE.strip('/')}/"
    assert set(modes) == {
        f"{ours}{path.relative_to(GUEST)}"
        for directory in {GUEST, GUEST / room}
        for path in directory.iterdir()
        if path.is_file() and path.name[0] != "." and path.name != "claylinux"
    }
    assert modes == {name: 0o644 if name.endswith(".sh") else 0o755 for name in modes}


@pytest.mark.parametrize(
    ("init", "file", "rights", "link", "target"),
    [
        ("systemd", "usr/lib/systemd/system/claylinux-health.service", 0o644,
         "usr/lib/systemd/system/a.target.wants/claylinux-health.service", "../claylinux-health.service"),
        ("openrc", "etc/init.d/claylinux-health", 0o755,
         "etc/runlevels/boot/claylinux-health", "/etc/init.d/claylinux-health"),
    ],
)  # fmt: skip
def test_a_service_of_ours(tmp_path: Path, init: str, file: str, rights: int, link: str, target: str) -> None:
    guest.start_service(Root(tmp_path), init, guest.Service("claylinux-health", "a.target", "boot"), EPOCH)
    ending = {"systemd": "service", "openrc": "openrc"}[init]
    assert (tmp_path / file).read_text() == (GUEST / f"units/claylinux-health.{ending}").read_text()
    assert mode(tmp_path / file) == rights
    assert str((tmp_path / link).readlink()) == target
    assert (tmp_path / link).lstat().st_mtime == EPOCH
    assert (
        sorted(path.name for path in tmp_path.rglob("*") if not path.is_dir())
        == ["claylinux-health" + (".service" if init == "systemd" else "")] * 2
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_no_two_functions_have_one_name() -> None:
    """The command reads all parts, one after the other: the last one of a name would take the place of the others."""
    parts = (REPOSITORY / "imager/guest").rglob("*.sh")
    names = [name for part in parts for name in re.findall(r"^(\w+)\(\)", part.read_text(), re.MULTILINE)]
    assert [name for name, count in Counter(names).items() if count > 1] == []
