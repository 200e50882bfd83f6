"""The script that sets services, run here on a folder instead of in a build step."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import llb
from frontend.plan.services import _services_script
from tests.unit.frontend.test_app import ask

_RC_UPDATE = """#!/bin/sh
ln -s "$ROOT/etc/init.d/$3" "$ROOT/etc/runlevels/$4/$3"
"""


def set_services(
    root: Path, wanted: dict[str, bool | str], yielding: dict[str, str] | None = None
) -> tuple[int, str, list[str]]:
    """Set services of an OpenRC below `root`; return the exit code, what was said, and what is in the runlevels."""
    for folder in ("bin", "etc/init.d", "etc/runlevels/default", "etc/runlevels/own"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "etc/init.d/sshd").touch()
    (root / "bin/rc-update").write_text(_RC_UPDATE)
    (root / "bin/rc-update").chmod(0o755)
    for name in ("find", "rm", "mkdir", "ln", "sh"):
        (root / "bin" / name).unlink(missing_ok=True)
        (root / "bin" / name).symlink_to(f"/bin/{name}")
    script = _services_script(wanted, (), yielding).replace("/etc/", f"{root}/etc/")
    environment = {"PATH": str(root / "bin"), "ROOT": str(root)}
    argv = ["/bin/sh", "-euc", script]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    runlevels = root / "etc/runlevels"
    found = sorted(str(path.relative_to(runlevels)) for path in runlevels.rglob("*"))
    return done.returncode, done.stderr, found


def test_a_runlevel_is_known_or_there(tmp_path: Path) -> None:
    assert set_services(tmp_path, {"sshd": True}) == (0, "", ["default", "default/sshd", "own"])
    assert set_services(tmp_path, {"sshd": "boot"}) == (0, "", ["boot", "boot/sshd", "default", "own"])
    assert set_services(tmp_path, {"sshd": "own"}) == (0, "", ["boot", "default", "own", "own/sshd"])


def test_a_mistyped_runlevel_fails_and_changes_nothing(tmp_path: Path) -> None:
    set_services(tmp_path, {"sshd": True})
    code, told, found = set_services(tmp_path, {"sshd": "defualt"})
    assert (code, found) == (1, ["default", "default/sshd", "own"])
    assert "claylinux: services: sshd: there is no runlevel defualt in " in told


def test_a_service_gives_way_to_one_of_the_same_purpose(tmp_path: Path) -> None:
    """Nothing is said where the system has no such service."""
    (tmp_path / "etc/runlevels/default").mkdir(parents=True)
    (tmp_path / "etc/runlevels/default/ntpd").symlink_to("/etc/init.d/ntpd")
    yielding = {"ntpd": "sshd", "timed": "sshd"}
    for there, said in ((False, ""), (True, "claylinux: services: ntpd of the preset is off, as sshd does its work\n")):
        if there:
            (tmp_path / "etc/init.d/ntpd").touch()
        code, told, found = set_services(tmp_path, {"sshd": True}, yielding)
        assert (code, told) == (0, said)
        assert ("default/ntpd" in found) is not there


@pytest.mark.parametrize(
    ("services", "yields"),
    [
        ("{chronyd: true}", True),
        ("{openntpd: boot}", True),
        ("{chronyd: false}", False),
        ("{chronyd: true, ntpd: true}", False),
        ("{nginx: true}", False),
    ],
)
def test_the_presets_ntpd_yields_to_a_daemon_that_was_asked_for(services: str, yields: bool) -> None:
    client = ask(f"base: alpine-virt\nservices: {services}\n")
    scripts = llb.dump(client.solved[-1])
    assert ("ntpd of the preset is off" in scripts) is yields
