"""Units that are switched off do not start, whatever there is that would start them."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.customize import services
from imager.requests.services import Services
from imager.rootfs.root import Root
from imager.rootfs.systemd_start import causes
from spec.services import ServiceSwitch
from tests.support.imager import EPOCH, make_elf

UNITS = {
    "graphical.target": "[Unit]\nRequires=multi-user.target\n",
    "multi-user.target": "[Unit]\nRequires=basic.target\n",
    "basic.target": "[Unit]\nWants=sockets.target timers.target paths.target\n",
    "sockets.target": "", "timers.target": "", "paths.target": "",
    "getty.target": "[Unit]\nDescription=Login\n",
    "getty@.service": "[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n",
    "serial-getty@.service": "[Install]\nWantedBy=getty.target\n",
    "systemd-logind.service": "[Service]\nBusName=org.freedesktop.login1\n",
    "dbus.service": "[Unit]\nRequires=dbus.socket\n",
    "dbus.socket": "[Socket]\nListenStream=/run/dbus\n",
    "hostnamed.service": "[Service]\nExecStart=/bin/true\n",
    "plain.service": "[Install]\nWantedBy=multi-user.target\n",
    "static.service": "[Service]\nExecStart=/bin/true\n",
    "daily.service": "[Service]\nExecStart=/bin/true\n",
    "daily.timer": "[Install]\nWantedBy=timers.target\n",
    "ssh.service": "[Install]\nWantedBy=multi-user.target\n",
    "ssh.socket": "[Install]\nWantedBy=sockets.target\n",
    "spool.path": "[Path]\nUnit=plain.service\n",
    "docker.service": "[Unit]\nRequires=docker.socket\n[Install]\nWantedBy=multi-user.target\n",
    "docker.socket": "[Install]\nWantedBy=sockets.target\n",
    "device.service": "[Service]\nExecStart=/bin/true\n",
    "rescue.service": "[Service]\nExecStart=/bin/true\n",
    "fails.service": "[Unit]\nOnFailure=rescue.service\n[Install]\nWantedBy=multi-user.target\n",
}  # fmt: skip
VENDOR_LINKS = (
    "multi-user.target.wants/getty.target", "multi-user.target.wants/dbus.service",
    "multi-user.target.wants/static.service", "multi-user.target.wants/systemd-logind.service",
    "sockets.target.wants/dbus.socket",
)  # fmt: skip


@pytest.fixture
def system(tmp_path: Path) -> Path:
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for name, text in UNITS.items():
        (units / name).write_text(text)
    (units / "default.target").symlink_to("graphical.target")
    (units / "autovt@.service").symlink_to("getty@.service")
    (units / "dbus-org.hostname1.service").symlink_to("hostnamed.service")
    for link in VENDOR_LINKS:
        place = units / link
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(f"../{place.name}")
    for path, text in {
        "usr/bin/systemctl": "",
        "etc/passwd": "",
        "etc/fstab": "# <device> <point>\nLABEL=D /srv/data ext4 defaults 0 2\n",
        "usr/lib/systemd/system-generators/getty": "\0getty.target\0serial-getty@.service\0console-getty.service\0",
        "usr/share/dbus-1/system-services/a.service": "[D-BUS Service]\nSystemdService=dbus-org.hostname1.service\n",
        "usr/lib/udev/rules.d/90.rules": 'ENV{SYSTEMD_WANTS}+="device.service x@$name.service"\n',
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/true").write_bytes(make_elf())
    (tmp_path / "bin/true").chmod(0o755)
    return tmp_path


def switch(system: Path, **wanted: bool) -> None:
    service = {name: ServiceSwitch(start=start) for name, start in wanted.items()}
    services.run(Services(system=str(system), service=service, epoch=EPOCH))


def masks(system: Path) -> set[str]:
    place = system / "etc/systemd/system"
    return {each.name for each in place.iterdir() if each.is_symlink() and str(each.readlink()) == "/dev/null"}


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("plain", set()),
        ("static", {"static.service"}),
        ("getty@tty1", {"getty@tty1.service"}),  # by logind, when the screen is looked at
        ("getty@tty63", set()),
        ("serial-getty@ttyS0", {"serial-getty@ttyS0.service"}),
        ("console-getty", {"console-getty.service"}),
        ("getty.target", {"getty.target"}),
        ("hostnamed", {"hostnamed.service"}),
        ("device", {"device.service"}),
        ("rescue", set()),
        ("srv-data.mount", {"srv-data.mount"}),
    ],
)
def test_what_disabling_does_not_stop_is_masked(system: Path, name: str, masked: set[str]) -> None:
    switch(system, **{"plain": True, "getty@tty1": True})
    switch(system, **{name: False})
    assert masks(system) == masked
    unit = name if "." in name else f"{name}.service"
    assert unit not in causes(Root(system))


def test_a_unit_that_starts_when_another_fails_is_masked(system: Path) -> None:
    switch(system, fails=True, rescue=False)
    assert masks(system) == {"rescue.service"}


def test_what_would_wake_a_unit_is_off_with_it(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    switch(system, **{"daily.timer": True, "ssh.socket": True, "ssh": True})
    switch(system, daily=False, ssh=False)
    assert masks(system) == set()
    assert not {"daily.timer", "ssh.socket"} & set(causes(Root(system)))
    assert "daily.timer is switched off, too: it would start daily.service" in capsys.readouterr().err


def test_a_socket_that_is_wanted_keeps_its_service(system: Path) -> None:
    switch(system, **{"ssh": False, "ssh.socket": True})
    assert masks(system) == set()
    assert [each.by for each in causes(Root(system))["ssh.service"]] == ["ssh.socket"]


def test_a_masked_unit_can_be_switched_on_again(system: Path) -> None:
    switch(system, static=False)
    switch(system, static=True)
    assert masks(system) == set()


@pytest.mark.parametrize(
    ("name", "needy"), [("docker.socket", "docker.service"), ("dbus", "systemd-logind.service"),
                        ("dbus.socket", "dbus.service")],
)  # fmt: skip
def test_what_others_need_cannot_be_off_alone(system: Path, name: str, needy: str) -> None:
    switch(system, docker=True)
    with pytest.raises(ImagerError, match=f"cannot be off: {needy}, which starts, does not work without it"):
        switch(system, **{name: False})


def test_what_others_need_can_be_off_with_them(system: Path) -> None:
    switch(system, **{"dbus": False, "dbus.socket": False, "systemd-logind": False})
    assert masks(system) == {"dbus.service", "dbus.socket", "systemd-logind.service"}


def test_keys_that_restart_the_machine_are_off(system: Path) -> None:
    units = system / "usr/lib/systemd/system"
    (units / "reboot.target").touch()
    (units / "ctrl-alt-del.target").symlink_to("reboot.target")
    switch(system, **{"ctrl-alt-del.target": False})
    assert (system / "etc/systemd/system/ctrl-alt-del.target").readlink() == Path("/dev/null")
    assert not (system / "etc/systemd/system/reboot.target").is_symlink()


def test_a_unit_of_users_is_told(system: Path) -> None:
    (system / "usr/lib/systemd/user").mkdir()
    (system / "usr/lib/systemd/user/music.service").touch()
    with pytest.raises(ImagerError, match=r"no such service: music \(each user's own systemd has music.service: write"):
        switch(system, music=False)
