"""Services of OpenRC in the directories of runlevels."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.customize.openrc_switch import OpenrcSwitch
from imager.rootfs.root import Root


@pytest.fixture
def system(tmp_path: Path) -> Path:
    (tmp_path / "etc/init.d").mkdir(parents=True)
    for level in ("default", "own"):
        (tmp_path / "etc/runlevels" / level).mkdir(parents=True)
    for name in ("sshd", "fsck", "localmount", "netmount", "networking"):
        (tmp_path / "etc/init.d" / name).touch()
    return tmp_path


def links(system: Path) -> dict[str, str]:
    runlevels = system / "etc/runlevels"
    found = (path for path in sorted(runlevels.rglob("*")) if path.is_symlink())
    return {str(path.relative_to(runlevels)): str(path.readlink()) for path in found}


def test_a_service_starts_in_one_runlevel(system: Path) -> None:
    switch = OpenrcSwitch(Root(system))
    assert switch.on("sshd")
    assert links(system) == {"default/sshd": "/etc/init.d/sshd"}
    assert switch.on("sshd.service", "boot")
    assert links(system) == {"boot/sshd": "/etc/init.d/sshd"}
    assert switch.on("sshd"), "it keeps the runlevel that it has"
    assert switch.on("sshd", "own")
    assert list(links(system)) == ["own/sshd"]
    assert switch.off("sshd")
    assert links(system) == {}


def test_a_missing_service_is_told_but_its_links_go(system: Path) -> None:
    switch = OpenrcSwitch(Root(system))
    (system / "etc/runlevels/own/gone").symlink_to("/etc/init.d/gone")
    assert not switch.on("nothing")
    assert not switch.off("gone")
    assert links(system) == {}


def test_a_mistyped_runlevel_changes_nothing(system: Path) -> None:
    switch = OpenrcSwitch(Root(system))
    switch.on("sshd")
    with pytest.raises(ImagerError, match="services: sshd: there is no runlevel defualt in /etc/runlevels"):
        switch.on("sshd", "defualt")
    assert list(links(system)) == ["default/sshd"]


def test_what_other_keys_need(system: Path) -> None:
    switch = OpenrcSwitch(Root(system))
    assert switch.needed_by("mounts") == []
    assert list(links(system)) == ["boot/fsck", "boot/localmount"]
    (system / "etc/fstab").write_text("nas:/a /a nfs _netdev 0 0\n")
    assert switch.needed_by("mounts") == []
    assert "default/netmount" in links(system)
    assert switch.needed_by("network") == []
    assert "boot/networking" in links(system)
    (system / "etc/init.d/networking").unlink()
    assert switch.needed_by("network") == ["networking"]


def test_what_a_started_service_needs_cannot_be_off(system: Path) -> None:
    for name, text in {"sshd": "depend() {\n\tuse logger dns\n\tneed net\n}\n", "net": "", "logger": ""}.items():
        (system / "etc/init.d" / name).write_text(text)
    switch = OpenrcSwitch(Root(system))
    switch.stay_off(["net"], [])
    switch.on("sshd")
    switch.stay_off(["logger"], ["sshd"])
    with pytest.raises(ImagerError, match="services: net cannot be off: sshd, which starts, needs it"):
        switch.stay_off(["net"], ["sshd"])
