"""Programs of services that are switched on by name: those of units, scripts, and what sockets and timers wake."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.customize import services
from imager.requests.services import Services
from spec.services import ServiceCommand, ServiceSwitch
from tests.support.imager import EPOCH, make_elf

UNITS = "etc/systemd/system"
SCRIPT = "#!/sbin/openrc-run\n"


def put(system: Path, path: str, text: str | bytes, mode: int = 0o644) -> None:
    place = system / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text.encode() if isinstance(text, str) else text)
    place.chmod(mode)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    put(tmp_path, "bin/sh", make_elf(), 0o755)
    put(tmp_path, "usr/bin/agent", make_elf(), 0o755)
    put(tmp_path, "usr/bin/windows", "#!/bin/sh\r\n", 0o755)
    put(tmp_path, "srv/agent", make_elf(), 0o755)
    put(tmp_path, "etc/fstab", "LABEL=DATA /srv ext4 noexec 0 0\nLABEL=OPT /opt ext4 nofail 0 0\n")
    return tmp_path


@pytest.fixture
def systemd(system: Path) -> Path:
    put(system, "usr/bin/systemctl", make_elf(), 0o755)
    return system


@pytest.fixture
def openrc(system: Path) -> Path:
    put(system, "sbin/openrc-run", make_elf(), 0o755)
    (system / "etc/runlevels/default").mkdir(parents=True)
    return system


def switch(system: Path, name: str, *, start: bool = True, lenient: bool = False) -> None:
    wanted = {name: ServiceSwitch(start=start)}
    services.run(Services(system=str(system), service=wanted, lenient=lenient, epoch=EPOCH))


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("ExecStart=/usr/bin/agent --x\n", None),
        ("ExecStart=-/usr/bin/gone\n", None),
        ("ExecStart=!!-/usr/bin/gone\n", None),
        ("ExecStart=/usr/lib/%N/agent\n", None),
        ("ExecStart=agent\n", None),
        ("ExecStart=/opt/agent\n", None),
        ("ExecStart=/usr/bin/gone\nRootDirectory=/x\n", None),
        ("ExecStart=/usr/bin/gone\nExecStart=\nExecStart=/usr/bin/agent\n", None),
        ("ExecStart=@/usr/bin/gone agent\n", "agent.service: the program /usr/bin/gone is not in the system"),
        ("ExecStart=/usr/bin/agent\nExecStart=/usr/bin/windows\n", "has the line ends of Windows"),
        ("ExecStart=gone --x\n", "starts gone, which is not in the system: add its package"),
        ("ExecStart=/srv/agent\n", "/srv/agent cannot be started, because /srv is mounted with noexec"),
    ],
)
def test_what_a_unit_starts(systemd: Path, service: str, expected: str | None) -> None:
    put(systemd, f"{UNITS}/agent.service", f"[Service]\n{service}[Install]\nWantedBy=multi-user.target\n")
    switch(systemd, "agent", start=False)
    if expected is None:
        switch(systemd, "agent")
        return
    with pytest.raises(ImagerError) as caught:
        switch(systemd, "agent")
    assert str(caught.value).startswith("services: agent: ")
    assert expected in str(caught.value)


@pytest.mark.parametrize("kind", ["socket", "timer", "path"])
def test_what_a_unit_wakes(systemd: Path, kind: str) -> None:
    put(systemd, f"{UNITS}/agent.{kind}", f"[{kind.capitalize()}]\n[Install]\nWantedBy=multi-user.target\n")
    put(systemd, f"{UNITS}/agent.service", "[Service]\nExecStart=/usr/bin/gone\n")
    with pytest.raises(ImagerError, match=f"services: agent.{kind}: /etc/systemd/system/agent.service: the program"):
        switch(systemd, f"agent.{kind}")


def test_a_script_of_system_v(systemd: Path) -> None:
    put(systemd, "etc/init.d/old", "#!/bin/bash\n", 0o755)
    with pytest.raises(ImagerError, match=r"services: old: /etc/init\.d/old is a script for /bin/bash, which is not"):
        switch(systemd, "old")


def test_a_service_of_the_preset_is_a_warning(systemd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(systemd, f"{UNITS}/agent.service", "[Service]\nExecStart=/usr/bin/gone\n[Install]\nWantedBy=a.target\n")
    switch(systemd, "agent", lenient=True)
    assert "imager: warning: agent cannot start: /etc/systemd/system/agent.service: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "mode", "expected"),
    [
        (SCRIPT + "command=/usr/bin/agent\n", 0o755, None),
        (SCRIPT + 'command="/usr/bin/$RC_SVCNAME"\n', 0o755, None),
        (SCRIPT, 0o644, "/etc/init.d/agent is not executable"),
        (SCRIPT.replace("\n", "\r\n"), 0o755, "/etc/init.d/agent has the line ends of Windows"),
        (SCRIPT + 'command="/usr/bin/gone"\n', 0o755, "/etc/init.d/agent: the program /usr/bin/gone is not in the sys"),
        (SCRIPT + "command='/srv/agent'\n", 0o755, "because /srv is mounted with noexec"),
    ],
)
def test_what_a_script_of_openrc_starts(openrc: Path, script: str, mode: int, expected: str | None) -> None:
    put(openrc, "etc/init.d/agent", script, mode)
    switch(openrc, "agent", start=False)
    if expected is None:
        switch(openrc, "agent")
        return
    with pytest.raises(ImagerError) as caught:
        switch(openrc, "agent")
    assert expected in str(caught.value)


def test_an_own_program_on_a_mount_with_noexec(systemd: Path) -> None:
    wanted = {"agent": ServiceCommand(command=("/srv/agent",))}
    with pytest.raises(ImagerError, match="services: agent: /srv/agent cannot be started, because /srv is mounted"):
        services.run(Services(system=str(systemd), service=wanted, epoch=EPOCH))
