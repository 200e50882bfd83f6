"""Units of systemd on and off, as systemctl itself does it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.customize.systemd_switch import SystemdSwitch
from imager.rootfs.root import Root

UNITS = {
    "plain.service": "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
    "many.service": (
        "[Install]\nWantedBy=a.target b.target\nRequiredBy=c.target\n# WantedBy=no.target\nAlias=m.service\n"
    ),
    "also.service": "[Install]\nWantedBy=multi-user.target\nAlso=also.socket plain.service\n",
    "also.socket": "[Install]\nWantedBy=sockets.target\n",
    "getty@.service": "[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n",
    "serial@.service": "[Install]\nWantedBy=%p-%i.target\n",
    "a-all@.service": "[Install]\nWantedBy=%n-wants.target %N.target %j.target\n",
    "reset.service": "[Install]\nWantedBy=old.target\nWantedBy=\nWantedBy=new.target \\\n  more.target\n",
    "static.service": "[Service]\nExecStart=/bin/true\n",
    "circle-a.service": "[Install]\nAlso=circle-b.service\nWantedBy=x.target\n",
    "circle-b.service": "[Install]\nAlso=circle-a.service\nWantedBy=x.target\n",
}
ENABLED = (
    "plain", "plain.service", "many", "also", "getty@tty7", "getty@", "serial@ttyS0.service", "a-all@x", "reset",
    "static", "circle-a",
)  # fmt: skip


@pytest.fixture
def system(tmp_path: Path) -> Path:
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for name, text in UNITS.items():
        (units / name).write_text(text)
    (tmp_path / "lib").symlink_to("usr/lib")
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    return tmp_path


def links(system: Path) -> dict[str, str]:
    place = system / "etc/systemd/system"
    found = (path for path in sorted(place.rglob("*")) if path.is_symlink())
    # Debian 12 has /lib, later releases /usr/lib: the same directory.
    return {str(path.relative_to(place)): str(path.readlink()).removeprefix("/usr") for path in found}


def systemctl(system: Path, verb: str, *names: str) -> None:
    # It takes an unmerged directory that is not there for the whole truth.
    argv = ["systemctl", f"--root={system}", "--quiet", verb, "--", *names]
    subprocess.run(argv, check=True, timeout=30, capture_output=True)


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemctl is not installed")
@pytest.mark.parametrize("name", ENABLED)
def test_links_are_those_of_systemctl(system: Path, tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(system, other, symlinks=True, dirs_exist_ok=True)
    full = f"{name}.service" if "." not in name else name
    systemctl(other, "enable", full)
    assert SystemdSwitch(Root(system)).on(name)
    assert links(system) == links(other)
    systemctl(other, "disable", full)
    assert SystemdSwitch(Root(system)).off(name)
    assert links(system) == links(other)


def test_an_alias_is_its_unit(system: Path) -> None:
    switch = SystemdSwitch(Root(system))
    assert switch.on("many")
    before = links(system)
    assert switch.on("m")
    assert links(system) == before
    assert switch.off("m")
    assert links(system) == {}


def test_drop_ins_can_say_where_a_unit_starts(system: Path) -> None:
    for place, target in (("usr/lib", "vendor"), ("etc", "own")):
        directory = system / place / "systemd/system/static.service.d"
        directory.mkdir(parents=True)
        (directory / f"{target}.conf").write_text(f"[Install]\nWantedBy={target}.target\n")
    assert SystemdSwitch(Root(system)).on("static")
    assert list(links(system)) == ["own.target.wants/static.service", "vendor.target.wants/static.service"]


def test_a_mask_gives_way_where_the_system_allows_it(system: Path) -> None:
    mask = system / "etc/systemd/system/plain.service"
    mask.symlink_to("/dev/null")
    assert SystemdSwitch(Root(system)).on("plain")
    assert not mask.is_symlink()
    vendor = system / "usr/lib/systemd/system/plain.service"
    vendor.unlink()
    vendor.symlink_to("/dev/null")
    with pytest.raises(ImagerError, match=r"services: plain\.service: the system forbids this unit"):
        SystemdSwitch(Root(system)).on("plain")


def test_a_script_without_a_unit_gets_its_links(system: Path) -> None:
    (system / "etc/init.d").mkdir()
    (system / "etc/init.d/old").touch()
    switch = SystemdSwitch(Root(system))
    assert switch.on("old")
    assert {str(path.relative_to(system)): str(path.readlink()) for path in system.glob("etc/rc?.d/*")} == {
        f"etc/rc{level}.d/S01old": "../init.d/old" for level in "2345"
    }
    others = {"S01other", "S02older", "K01old", "README"}
    for name in others - {"README"}:
        (system / "etc/rc5.d" / name).symlink_to("../init.d/any")
    (system / "etc/rc5.d/README").touch()
    (system / "etc/rc3.d/S01old").unlink()
    (system / "etc/rc3.d/S01old").touch()
    (system / "etc/rc2.d/S20old").symlink_to("../init.d/old")
    assert switch.off("old")
    assert {path.name for path in (system / "etc/rc5.d").iterdir()} == others
    assert [path.name for level in "24" for path in (system / f"etc/rc{level}.d").iterdir()] == []
    assert (system / "etc/rc3.d/S01old").exists(), "no link is no switch"
    assert not switch.on("none") and not switch.off("none")


def test_what_is_missing_or_wrong(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    switch = SystemdSwitch(Root(system))
    assert not switch.on("nothing")
    assert not switch.off("nothing.socket")
    with pytest.raises(ImagerError, match="systemd has no runlevels: write true instead of boot"):
        switch.on("plain", "boot")
    with pytest.raises(ImagerError, match=r"serial@\.service is a template: name an instance.*serial@NAME\.service"):
        switch.on("serial@")
    assert switch.on("static")
    assert "static.service starts only when another unit needs it" in capsys.readouterr().err


def test_a_circle_of_links_ends(system: Path) -> None:
    place = system / "etc/systemd/system"
    (place / "a.service").symlink_to("b.service")
    (place / "b.service").symlink_to("a.service")
    assert not SystemdSwitch(Root(system)).on("a")


def test_the_network_needs_networkd_where_there_is_something_for_it(system: Path) -> None:
    switch = SystemdSwitch(Root(system))
    assert switch.needed_by("network") == []
    (system / "etc/systemd/network").mkdir()
    (system / "etc/systemd/network/10-claylinux-eth0.network").touch()
    assert switch.needed_by("network") == ["systemd-networkd"]
    assert switch.needed_by("mounts") == []
