"""What `claylinux` in the running system says: for people, and as JSON that its schema describes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from tests.support.engine import REPOSITORY
from tests.support.guest_programs import ESP, ESP_GUID, GUEST, MIB, SHELLS, Guest

SCHEMA = json.loads((REPOSITORY / "docs/status.schema.json").read_text())
OVERLAY = "22 1 0:20 / / rw shared:1 - overlay overlay rw,lowerdir=/l/2:/l/1:/l/0,upperdir=/u,workdir=/w\n"
OS_RELEASE = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nIMAGE_ID=web\nIMAGE_VERSION="1.4 \\"x\\""\n'
SIGNER = {"schema": 1, "subject": 'CN=A "b\\c" Ä', "sha256": "5e" * 32}
USAGE = "usage_of() { case $1 in /) echo 1048576000 10485760 ;; *) echo 2097152 1048576 ;; esac; }\n"


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    made = Guest(tmp_path / "guest", request.param, {"persist_words": "machine-id ssh-host-keys"})
    made.disk("vda", 100, f"label: gpt\n{ESP}")
    (made.place / "proc/self").mkdir(parents=True)
    (made.place / "proc/meminfo").write_text("MemTotal: 2048000 kB\nMemFree: 5 kB\nMemAvailable: 1024000 kB\n")
    (made.place / "proc/mounts").write_text("overlay / overlay rw 0 0\n/dev/vda2 /state ext4 rw 0 0\n")
    (made.place / "proc/self/mountinfo").write_text(OVERLAY)
    for number in range(3):
        (made.place / f"sys/block/loop{number}").mkdir()
        (made.place / f"sys/block/loop{number}/size").write_text(f"{2048 * number}\n")
    (made.root / "run/claylinux").mkdir(parents=True)
    (made.root / "run/claylinux/signer.json").write_text(f"{json.dumps(SIGNER, ensure_ascii=False)}\n")
    (made.root / "etc").mkdir()
    (made.root / "etc/os-release").write_text(OS_RELEASE)
    made.booted_from(ESP_GUID)
    variables = made.place / "sys/firmware/efi/efivars"
    (variables / "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c").write_bytes(b"\6\0\0\0\1")
    (made.place / "lists/persist.list").write_text("/etc/app\n")
    (made.place / "lists/image.list").write_text(f'f {"0" * 64} 644:0:0 /etc/app/a "b"\n')
    kept = made.root / "state/persist/etc/app"
    kept.mkdir(parents=True)
    (kept / 'a "b"').write_text("machine")
    (made.root / "state/.claylinux").mkdir()
    (made.root / "state/.claylinux/base.list").write_text("")
    return made


def status(guest: Guest) -> dict[str, object]:
    found: dict[str, object] = json.loads(guest.run(f"{USAGE}show_json"))
    jsonschema.validate(found, SCHEMA)
    return found


def test_json(guest: Guest) -> None:
    found = status(guest)
    assert found["system"] | {"kernel": ""} == {  # type: ignore[operator]
        "name": "web", "version": '1.4 "x"', "os": "Debian GNU/Linux 13 (trixie)", "kernel": ""
    }  # fmt: skip
    assert found["boot"] == {"device": "/dev/vda1", "secure_boot": "on", "signer": SIGNER}
    memory = {"total": 2097152000, "available": 1048576000, "changes": 10485760, "changes_limit": 1048576000}
    assert found["memory"] == memory
    assert found["layers"] == {"count": 3, "size": 3 * MIB}
    assert found["state"] == {
        "device": "/dev/vda2", "type": "ext4", "encrypted": False, "mounted_on": "/state",
        "size": 2 * MIB, "used": MIB, "problem": None,
    }  # fmt: skip
    assert found["persist"] == {
        "words": ["machine-id", "ssh-host-keys"],
        "paths": ["/etc/app"],
        "differences": [{"path": '/etc/app/a "b"', "how": "newer"}],
    }


def test_json_of_a_machine_that_knows_little(guest: Guest) -> None:
    guest.settings["persist_words"] = ""
    (guest.place / "proc/mounts").write_text("rootfs / rootfs rw 0 0\n")
    (guest.place / "proc/self/mountinfo").write_text("22 1 0:20 / / rw - rootfs rootfs rw\n")
    (guest.place / "said").write_text("no disk is empty\nan \\ odd\tone\n")
    (guest.place / "lists/persist.list").write_text("")
    (guest.place / "lists/image.list").write_text("")
    (guest.root / "etc/os-release").write_text("")
    (guest.root / "run/claylinux/signer.json").unlink()
    for file in (guest.place / "sys/firmware/efi/efivars").iterdir():
        file.write_bytes(b"")
    found = status(guest)
    assert found["boot"] == {"device": None, "secure_boot": None, "signer": None}
    assert found["layers"] == {"count": None, "size": None}
    assert found["state"]["problem"] == "no disk is empty; an \\ oddone"  # type: ignore[index]
    assert found["persist"] == {"words": [], "paths": [], "differences": []}


def test_text(guest: Guest) -> None:
    text = guest.run(f"{USAGE}uname() {{ echo 6.12; }}\nshow_status")
    assert text == (
        'System    web 1.4 "x" (Debian GNU/Linux 13 (trixie))\n'
        "Kernel    Linux 6.12\n"
        "Booted    /dev/vda1, checked by Secure Boot\n"
        f'Signed    CN=A "b\\c" Ä (certificate SHA-256 {"5e" * 32})\n'
        "Memory    1000 of 2000 MiB in use\n"
        "Changes   10 MiB in memory, at most 1000 MiB\n"
        "Layers    3, 3 MiB in memory\n"
        "State     /dev/vda2, ext4, 1 of 2 MiB in use, mounted on /state\n"
        "Kept      machine-id, ssh-host-keys, /etc/app\n"
        "Differs   1 file is not as the image has it: claylinux persist lists it\n"
    )
    assert guest.run("show_differences") == (
        '/etc/app/a "b": the image has a newer one, but that of this machine was changed, and is used\n'
    )


def test_text_without_a_state(guest: Guest) -> None:
    (guest.place / "proc/mounts").write_text("overlay / overlay rw 0 0\n")
    (guest.place / "said").write_text("no disk is empty\n")
    shutil.rmtree(guest.root / "state")
    assert status(guest)["persist"]["differences"] == []  # type: ignore[index]
    text = guest.run(f"{USAGE}show_status")
    assert "Kept" not in text and "Differs" not in text
    assert "State     none: changes are gone after a reboot\nProblem   no disk is empty\n" in text


def program(guest: Guest) -> str:
    """Return the command of a copy of the program in the places of a guest."""
    places = "; ".join(f"{name}={guest.place / name}" for name in ("sys", "dev", "proc", "root"))
    text = (GUEST / "claylinux").read_text()
    for old, new in {
        "PATH=/usr": f"PATH={guest.place}/bin:$PATH:/usr",
        "ours=/usr/lib/claylinux": f"ours=${{OURS:-{GUEST}}}",
        "sys=/sys dev=/dev proc=/proc root=''": places,
        '"$ours"/*.conf': f"{guest.place}/*.conf",
    }.items():
        assert old in text
        text = text.replace(old, new)
    (guest.place / "state.conf").write_text("state_label=STATE; lists=$root/../lists; said=$root/../said\n")
    script = guest.place / "claylinux"
    script.write_text(text)
    return f"{'busybox sh' if guest.shell == 'busybox' else guest.shell} {script}"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("status", 0),
        ("status --json", 0),
        ("persist", 0),
        ("--help", 0),
        ("", 2),
        ("stat", 2),
        ("status --yaml", 2),
        ("persist take", 2),
        ("persist take /x", 1),
    ],
)
def test_exit_codes(guest: Guest, arguments: str, code: int) -> None:
    command = program(guest)
    for problem in ("", "it is broken\n"):
        (guest.place / "said").write_text(problem)
        expected = 1 if problem and code == 0 and arguments != "--help" else code
        assert guest.run(f"{command} {arguments} >/dev/null 2>&1; echo $?") == f"{expected}\n"


PARTS = """\
install_command() {{ echo "install {where}: $*"; }}
update_command() {{ echo "update {where}: $*"; return 3; }}
decide_health() {{ echo "health of $subject"; }}
"""


def test_parts_that_a_system_may_have(guest: Guest) -> None:
    """Each is a directory beside the program, which is there with a key of the build file."""
    command, place = program(guest), guest.place / "ours"
    place.mkdir()
    for part in GUEST.glob("*.sh"):
        (place / part.name).symlink_to(part)
    calls = ("install --yes a", "update --now b", "health c")

    def said() -> list[str]:
        done = [guest.run(f"OURS={place} {command} {call} 2>&1; echo $?") for call in calls]
        return [line for each in done for line in each.splitlines()]

    none = "claylinux: the build file of this system has no"
    assert said() == [
        f"{none} `install`", "1", f"{none} key `update`", "1", f"{none} key `update`", "1",
    ]  # fmt: skip
    for where in ("install", "update"):
        (place / where).mkdir()
        (place / where / "a.sh").write_text(PARTS.format(where=where))
    assert said() == ["install install: --yes a", "0", "update update: --now b", "3", "health of update", "0"]
