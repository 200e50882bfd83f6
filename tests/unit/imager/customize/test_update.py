"""What the build puts into a system with `update`: programs, settings, keys, services, a watchdog."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.customize import state, update
from imager.requests.state import State
from imager.requests.update import Update
from spec.state import State as WantedState
from spec.update import Health
from spec.update import Update as Wanted
from tests.support.imager import EPOCH

PROGRAMS = ("usr/bin/curl", "sbin/mkfs.vfat", "usr/bin/openssl", "sbin/sfdisk")
FOR_STATE = ("sbin/mkfs.ext4", "sbin/e2fsck", "usr/sbin/resize2fs")
INIT = {"systemd": ("usr/bin/systemctl", "usr/lib/systemd/systemd"), "openrc": ("sbin/openrc-run", "bin/busybox")}


@pytest.fixture(params=["systemd", "openrc"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    root = tmp_path / "system"
    for path in (*PROGRAMS, *FOR_STATE, *INIT[request.param], "etc/ssl/certs/ca-certificates.crt"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    (root / "etc/runlevels/default").mkdir(parents=True)
    (root / "sbin/init").symlink_to(f"/{INIT[request.param][1]}")
    return root


def make(system: Path, wanted: Wanted | None = None, ca: str = "") -> Path:
    trusted = system.parent / "trusted"
    trusted.write_text("-----BEGIN PUBLIC KEY-----\n")
    request = Update(
        system=str(system),
        update=wanted or Wanted(),
        name="web",
        architecture="amd64",
        trusted=str(trusted),
        ca=ca,
        epoch=EPOCH,
    )
    update.run(request)
    return system / "usr/lib/claylinux"


def settings(ours: Path) -> dict[str, str]:
    found = {}
    for line in (ours / "update.conf").read_text().splitlines()[1:]:
        name, _, value = line.partition("=")
        (found[name],) = shlex.split(value)
    return found


def test_what_is_written_reaches_the_shell_as_it_is(system: Path) -> None:
    command = 'curl -fsS \'http://localhost/\' | grep "it\'s" && test "$HOME"'
    wanted = Wanted(
        source="oci://registry.example/web", health=Health(services=("a", "b@c"), command=command, timeout=9)
    )
    ours = make(system, wanted)
    assert settings(ours)["health_command"] == command
    shell = f'. {ours}/update.conf && printf "%s|" "$health_command" "$health_services" "$update_channel"'
    assert subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=True).stdout == (
        f"{command}|a b@c|stable|"
    )


def test_defaults(system: Path) -> None:
    found = settings(make(system))
    assert {name for name, value in found.items() if value == ""} == {
        "update_from", "update_channel", "update_ca", "update_proxy", "update_rate",
        "health_services", "health_command",
    }  # fmt: skip
    assert (found["update_every"], found["update_login"]) == ("86400", "/etc/claylinux/update.netrc")
    assert (found["update_reboot"], found["health_timeout"]) == ("manual", "300")
    assert (found["update_name"], found["update_architecture"]) == ("web", "amd64")


def test_the_init_of_a_system_without_state_stays(system: Path) -> None:
    before = (system / "sbin/init").readlink()
    ours = make(system)
    assert (system / "sbin/init").readlink() == before
    assert (ours / "../../bin/claylinux").stat().st_mode & 0o777 == 0o755
    assert (ours / "update.pem").read_text().startswith("-----BEGIN PUBLIC KEY-----")


def test_a_system_with_state_alone_has_nothing_of_updates(system: Path) -> None:
    state.run(State(system=str(system), state=WantedState(), epoch=EPOCH))
    assert not (system / "usr/lib/claylinux/update").exists()
    assert not [path for path in system.rglob("*") if "watchdog" in path.name]


def test_a_machine_that_hangs_starts_again(system: Path) -> None:
    ours = make(system)
    if (system / "usr/bin/systemctl").exists():
        assert (
            "RuntimeWatchdogSec=30s" in (system / "usr/lib/systemd/system.conf.d/50-claylinux-update.conf").read_text()
        )
        link = system / "usr/lib/systemd/system/sysinit.target.wants/claylinux-watchdog.service"
    else:
        link = system / "etc/runlevels/default/claylinux-watchdog"
        assert (system / "etc/init.d/claylinux-watchdog").stat().st_mode & 0o777 == 0o755
    assert link.is_symlink()
    assert (ours / "update/watchdog").stat().st_mode & 0o777 == 0o755


def test_authorities_of_one_s_own_are_in_the_system(system: Path, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("authority\n")
    ours = make(system, ca=str(tmp_path / "ca.pem"))
    assert (ours / "update-ca.pem").read_text() == "authority\n"
    assert settings(ours)["update_ca"] == "/usr/lib/claylinux/update-ca.pem"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_is_missing_is_named_with_its_package(system: Path, program: str) -> None:
    (system / program).unlink()
    with pytest.raises(ImagerError, match=f"update: it needs {Path(program).name} in the system: add "):
        make(system)


def test_authorities_that_are_missing_are_told(system: Path) -> None:
    (system / "etc/ssl/certs/ca-certificates.crt").unlink()
    with pytest.raises(ImagerError, match="add ca-certificates to `packages`"):
        make(system)
