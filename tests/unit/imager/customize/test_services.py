"""Services of the user's own, for systemd and for OpenRC."""

from __future__ import annotations

import stat
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from imager.core.errors import ImagerError
from imager.customize import services
from imager.customize.openrc_script import script
from imager.customize.systemd_unit import unit
from imager.customize.unit_file import unit_name
from imager.requests.services import Services
from spec.services import ServiceCommand, ServiceSwitch
from tests.support.imager import EPOCH, make_elf

if TYPE_CHECKING:
    from pathlib import Path

FULL = ServiceCommand(
    command=("/usr/bin/agent", "--name", "a b", "100%", '"$HOME"', "it's"),
    user="op",
    group="data",
    restart="on-failure",
    after=("net", "db", "x.target"),
    env={"B": 'c "d" % $e \\', "A": "b"},
    working_directory="/srv",
    description="100% ours",
)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    for folder in ("etc", "usr/bin", "sbin"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/passwd").write_text("op:x:1000:1000::/home/op:/bin/sh\n")
    (tmp_path / "etc/group").write_text("data:x:1001:\n")
    for name in ("agent", "systemctl"):
        (tmp_path / "usr/bin" / name).write_bytes(make_elf())
        (tmp_path / "usr/bin" / name).chmod(0o755)
    return tmp_path


def make(system: Path, name: str = "agent", **wanted: Any) -> None:
    service = ServiceCommand(**{"command": ("/usr/bin/agent",), **wanted})
    services.run(Services(system=str(system), service={name: service}, epoch=EPOCH))


def test_a_unit_has_everything_that_was_asked() -> None:
    assert unit("agent", FULL) == (
        "# By Claylinux, from the key `services`.\n"
        "[Unit]\n"
        "Description=100%% ours\n"
        "Wants=db.service x.target network-online.target\n"
        "After=db.service x.target network-online.target\n"
        "StartLimitIntervalSec=0\n"
        "\n"
        "[Service]\n"
        "Type=exec\n"
        'ExecStart=/usr/bin/agent --name "a b" 100%% "\\"$$HOME\\"" "it\'s"\n'
        "User=op\n"
        "Group=data\n"
        "WorkingDirectory=/srv\n"
        "Environment=A=b\n"
        'Environment="B=c \\"d\\" %% $e \\\\"\n'
        "Restart=on-failure\n"
        "RestartSec=1\n"
        "\n"
        "[Install]\n"
        "WantedBy=multi-user.target\n"
    )


def test_a_missing_service_of_a_preset_is_a_warning(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    switches = {"gone": ServiceSwitch(start=True)}
    services.run(Services(system=str(system), service=switches, lenient=True, epoch=EPOCH))
    assert "warning: this release has no service gone: the system goes without" in capsys.readouterr().err
    with pytest.raises(ImagerError, match="services: no such service: gone"):
        services.run(Services(system=str(system), service=switches, epoch=EPOCH))


def test_a_oneshot_unit_stays_active() -> None:
    text = unit("a", ServiceCommand(command=("/bin/a",), oneshot=True))
    assert "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/a\n" in text
    assert "Restart" not in text


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (
            FULL,
            {
                "supervisor": "supervise-daemon",
                "respawn_max": "0",
                "command_user": "op:data",
                "directory": "/srv",
                "depends": "yes",
                "description": "100% ours",
            },
        ),
        (ServiceCommand(command=("/bin/a",)), {"command_background": "yes", "command_user": "", "depends": ""}),
        (ServiceCommand(command=("/bin/a",), oneshot=True), {"command_background": "", "supervisor": ""}),
        (ServiceCommand(command=("/bin/a",), group="data"), {"command_user": "root:data"}),
        (
            ServiceCommand(
                command=(
                    "/bin/sh",
                    "-c",
                    "a  b\n\tc *",
                    "",
                    "d",
                )
            ),
            {"command_background": "yes"},
        ),
    ],
    ids=["full", "daemon", "oneshot", "group", "blanks"],
)
def test_a_script_means_what_was_asked(service: ServiceCommand, expected: dict[str, str]) -> None:
    """A shell reads the script, as openrc-run does, and evaluates the arguments, as its start function does."""
    names = ["description", "supervisor", "respawn_max", "command_background", "command_user", "directory"]
    show = "".join(f'printf "%s\\0" "{name}=${name}"\n' for name in names)
    show += "if command -v depend >/dev/null; then printf 'depends=yes\\0'; else printf 'depends=\\0'; fi\n"
    show += 'eval set -- $command $command_args\nfor word in "$@"; do printf "word=%s\\0" "$word"; done\nenv -0\n'
    unset = "RC_SVCNAME=x supervisor= respawn_max= command_background= command_user= directory= command_args=\n"
    program = unset + script("a", service) + show
    done = subprocess.run(
        ["sh", "-euc", program], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True
    )
    pairs = [entry.partition("=")[::2] for entry in done.stdout.split("\0") if entry]
    values = dict(pairs)
    assert {name: values[name] for name in expected} == expected
    assert [value for name, value in pairs if name == "word"] == list(service.command)
    assert {name: values.get(name) for name in service.env} == dict(service.env)


def test_a_script_waits_for_others() -> None:
    text = script("agent", FULL)
    assert text.startswith("#!/sbin/openrc-run\n")
    assert "depend() {\n\tneed net\n\twant db x.target\n\tafter db x.target\n}\n" in text


def test_the_init_system_decides(system: Path) -> None:
    make(system)
    assert (system / "etc/systemd/system/agent.service").stat().st_mtime == EPOCH
    (system / "usr/bin/systemctl").unlink()
    with pytest.raises(ImagerError, match="neither systemd nor OpenRC"):
        make(system)
    (system / "sbin/openrc-run").touch()
    make(system, name="agent.service")
    assert stat.S_IMODE((system / "etc/init.d/agent").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"command": ("/usr/bin/agnet",)}, "services: agent: the program /usr/bin/agnet is not in the system: add it"),
        ({"command": ("/etc/passwd",)}, "services: agent: /etc/passwd is not executable: give it `mode: '0755'`"),
        ({"user": "nobody"}, "services: agent: there is no user nobody: name it in `users`"),
        ({"group": "x"}, "services: agent: there is no group x: name it in `groups`"),
    ],
)
def test_what_is_missing_is_named(system: Path, wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(ImagerError) as caught:
        make(system, **wanted)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("path", "name"),
    [("/", "-"), ("/data", "data"), ("/srv/a-b", "srv-a\\x2db"), ("/.x/ü", "\\x2ex-\\xc3\\xbc"), ("/a b/", "a\\x20b")],
)
def test_paths_in_unit_names(path: str, name: str) -> None:
    assert unit_name(path) == name


def test_a_program_may_come_with_a_mount(system: Path) -> None:
    (system / "etc/fstab").write_text("LABEL=DATA /data ext4 nofail 0 2\ntmpfs /cache tmpfs defaults 0 0\n")
    make(system, command=("/data/agent",))
    with pytest.raises(ImagerError, match="the program /cache/agent is not in the system"):
        make(system, command=("/cache/agent",))
