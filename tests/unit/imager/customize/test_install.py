"""What the build puts into a system with `install`: the command, its settings, and what starts it at boot."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.customize import install
from imager.requests.install import Install
from spec.install import Install as Wanted
from tests.support.imager import EPOCH

PROGRAMS = ("sbin/sfdisk", "usr/bin/cmp", "usr/bin/flock")
SYSTEMD = ("usr/bin/systemctl", "usr/lib/systemd/systemd")


def system(place: Path, *files: str) -> Path:
    for path in files:
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).touch()
    return place


def make(place: Path, wanted: Wanted) -> str:
    install.run(Install(system=str(place), install=wanted, epoch=EPOCH))
    return (place / "usr/lib/claylinux/install.conf").read_text()


def test_systemd(tmp_path: Path) -> None:
    settings = make(system(tmp_path, *PROGRAMS, *SYSTEMD), Wanted(disk="serial=a:b", auto=True, after="poweroff"))
    assert settings.splitlines()[1:] == ["install_disk=serial=a:b", "install_auto=yes", "install_after=poweroff"]
    units = tmp_path / "usr/lib/systemd/system"
    assert (units / "multi-user.target.wants/claylinux-install.service").resolve().read_text().endswith(" --auto\n")
    assert {file.name for file in (tmp_path / "usr/lib/claylinux/install").iterdir()} >= {"install.sh", "target.sh"}
    assert not (tmp_path / "usr/lib/claylinux/update").exists()


def test_openrc(tmp_path: Path) -> None:
    settings = make(system(tmp_path, *PROGRAMS, "sbin/openrc-run"), Wanted())
    assert settings.splitlines()[1:] == ["install_disk=empty", "install_auto=no", "install_after=reboot"]
    assert (tmp_path / "etc/init.d/claylinux-install").stat().st_mode & 0o777 == 0o755
    assert str((tmp_path / "etc/runlevels/default/claylinux-install").readlink()) == "/etc/init.d/claylinux-install"


def test_what_a_system_lacks_is_named(tmp_path: Path) -> None:
    system(tmp_path, *SYSTEMD)
    with pytest.raises(ImagerError, match=r"^install: it needs sfdisk in the system: add fdisk \(sfdisk on Alpine\)"):
        make(tmp_path, Wanted())
