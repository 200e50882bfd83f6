"""What the build puts into a system with `state`: programs, settings, lists, and the first process."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.customize import state
from imager.requests.state import State
from spec.state import State as Wanted
from tests.support.engine import REPOSITORY
from tests.support.imager import EPOCH

PROGRAMS = ("sbin/sfdisk", "sbin/mkfs.ext4", "sbin/e2fsck", "usr/sbin/resize2fs")


@pytest.fixture(params=["systemd", "openrc"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    root = tmp_path / "system"
    init = {"systemd": ("usr/bin/systemctl", "usr/lib/systemd/systemd"), "openrc": ("sbin/openrc-run", "bin/busybox")}
    for path in (*PROGRAMS, *init[request.param]):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    (root / "sbin/init").symlink_to(f"/{init[request.param][1]}")
    return root


def make(system: Path, *persist: str, wanted: Wanted | None = None, keep: tuple[str, ...] = ()) -> Path:
    state.run(State(system=str(system), state=wanted or Wanted(), persist=persist, keep=keep, epoch=EPOCH))
    return system / "usr/lib/claylinux"


def settings(ours: Path) -> dict[str, str]:
    lines = (ours / "state.conf").read_text().splitlines()[1:]
    return dict(line.replace("'", "").split("=", 1) for line in lines)


def test_our_script_is_the_first_process_and_becomes_the_init(system: Path) -> None:
    before = (system / "sbin/init").readlink()
    ours = make(system)
    for _ in range(2):
        assert str((system / "sbin/init").readlink()) == "/usr/lib/claylinux/start"
        assert (ours / "init").readlink() == before
        make(system)
    for name in ("start", "state", "../../bin/claylinux"):
        assert (ours / name).stat().st_mode & 0o777 == 0o755
    assert (system / "state").is_dir()
    generator = system / "etc/systemd/system-generators/systemd-gpt-auto-generator"
    assert generator.is_symlink() == (system / "usr/bin/systemctl").exists()
    assert sum(file.stat().st_size for file in ours.iterdir() if file.name != "init") < 64 << 10


def test_an_init_that_is_no_link_moves(system: Path) -> None:
    (system / "sbin/init").unlink()
    (system / "sbin/init").write_bytes(b"\x7fELF")
    (system / "sbin/init").chmod(0o755)
    ours = make(system)
    assert (ours / "init").read_bytes() == b"\x7fELF"
    assert (ours / "init").stat().st_mode & 0o777 == 0o755


def test_a_start_in_a_container_is_that_of_the_init(system: Path, tmp_path: Path) -> None:
    """Neither process 1 nor a machine without /proc: nothing is looked for."""
    script = (REPOSITORY / "imager/guest/start").read_text().replace("/usr/lib/claylinux", str(tmp_path))
    (tmp_path / "init").write_text('#!/bin/sh\necho "init $*"\n')
    (tmp_path / "init").chmod(0o755)
    done = subprocess.run(["sh", "-c", script, "init", "a", "b"], capture_output=True, text=True, check=True)
    assert done.stdout == "init a b\n"


def test_settings(system: Path) -> None:
    assert settings(make(system, "ssh-host-keys")) == {
        "state_label": "STATE",
        "state_type": "359de086-c374-579b-996d-02cda90bcf80",
        "state_size": "0",
        "state_disk": "boot",
        "state_required": "no",
        "state_encrypt": "",
        "persist_words": "ssh-host-keys",
    }
    wanted = Wanted(size=(2 << 30) + 1, disk="serial=a:b", label="D", required=True)
    found = settings(make(system, wanted=wanted))
    assert (found["state_size"], found["state_disk"], found["state_required"]) == ("2049", "serial=a:b", "yes")


def test_words(system: Path) -> None:
    systemd = (system / "usr/bin/systemctl").exists()
    ours = make(system, "journal")
    assert (ours / "persist.list").read_text() == ("/var/log/journal\n" if systemd else "/var/log\n")
    assert settings(ours)["persist_words"] == "machine-id"
    stops = system / "usr/lib/systemd/system/systemd-journal-flush.service.d/50-claylinux-state.conf"
    assert stops.exists() == systemd
    with pytest.raises(ImagerError, match="persist: no program of the system remembers anything about its `network`"):
        make(system, "network")
    for program in ("usr/sbin/NetworkManager", "sbin/dhcpcd"):
        (system / program).parent.mkdir(parents=True, exist_ok=True)
        (system / program).touch()
    assert (make(system, "network") / "persist.list").read_text().splitlines() == [
        "/etc/NetworkManager/system-connections",
        "/var/lib/NetworkManager",
        "/var/lib/dhcpcd",
    ]


def test_lists(system: Path) -> None:
    app = system / "var/lib/app"
    (app / "sub").mkdir(parents=True)
    (app / "a b").write_text("1")
    (app / "sub/link").symlink_to("../a b")
    (app / "odd\n").write_text("not listed")
    (system / "etc/ssh").mkdir(parents=True)
    for name in ("sshd_config", "ssh_host_rsa_key"):
        (system / "etc/ssh" / name).write_text("2")
    ours = make(system, "/var/lib/app", "/etc/ssh", "/srv/new")
    one, target = hashlib.sha256(b"1").hexdigest(), hashlib.sha256(b"../a b").hexdigest()
    rights = f"644:{os.getuid()}:{os.getgid()}"
    directory, link = f"755:{os.getuid()}:{os.getgid()}", f"777:{os.getuid()}:{os.getgid()}"
    ssh, config = f"d - {directory} /etc/ssh", f"f {hashlib.sha256(b'2').hexdigest()} {rights} /etc/ssh/sshd_config"
    expected = [
        ssh,
        config,
        f"d - {directory} /srv/new",
        f"d - {directory} /var/lib/app",
        f"f {one} {rights} /var/lib/app/a b",
        f"d - {directory} /var/lib/app/sub",
        f"l {target} {link} /var/lib/app/sub/link",
    ]
    assert (ours / "image.list").read_text().splitlines() == expected
    assert (ours / "persist.list").read_text() == "/etc/ssh\n/srv/new\n/var/lib/app\n"
    assert (system / "srv/new").is_dir()
    key = f"f {hashlib.sha256(b'2').hexdigest()} {rights} /etc/ssh/ssh_host_rsa_key"
    make(system, "/etc/ssh", keep=("/etc/ssh/ssh_host_rsa_key",))
    assert (ours / "image.list").read_text().splitlines() == [ssh, key, config]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_missing_program(system: Path, program: str) -> None:
    (system / program).unlink()
    with pytest.raises(ImagerError, match=f"state: it needs {Path(program).name} in the system: add "):
        make(system)


def test_a_system_on_the_disk_tells_the_kernel_itself(system: Path) -> None:
    with pytest.raises(ImagerError, match=r"state: it needs partx in the system: add util-linux \(partx on Alpine\)"):
        state.run(State(system=str(system), state=Wanted(), epoch=EPOCH, on_disk=True))
    (system / "sbin/partx").write_text("")
    (system / "sbin/partx").chmod(0o755)
    state.run(State(system=str(system), state=Wanted(), epoch=EPOCH, on_disk=True))


def test_what_cannot_stay(system: Path) -> None:
    (system / "srv").mkdir()
    (system / "srv/file").touch()
    (system / "srv/link").symlink_to("/var")
    (system / "var").mkdir()
    with pytest.raises(ImagerError, match="persist: /srv/file is a file in the system"):
        make(system, "/srv/file")
    with pytest.raises(ImagerError, match="persist: /srv/link leads to /var by a link: write that path"):
        make(system, "/srv/link")
    with pytest.raises(ImagerError, match="persist: /srv/link/x leads to /var/x by a link"):
        make(system, "/srv/link/x")
    (system / "sbin/init").unlink()
    with pytest.raises(ImagerError, match="state: the system has no /sbin/init"):
        make(system)


def test_all_that_is_made_has_the_time_of_the_build(system: Path) -> None:
    before = set(system.rglob("*"))
    ours = make(system)
    assert (ours / "init").is_symlink()
    made = [path for path in system.rglob("*") if path not in before]
    assert {path.lstat().st_mtime for path in made if path.is_symlink() or not path.is_dir()} == {EPOCH}
    assert (system / "sbin/init").lstat().st_mtime == EPOCH
    assert {path.stat().st_mode & 0o7777 for path in ours.glob("*.sh")} == {0o644}
