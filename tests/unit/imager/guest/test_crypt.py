"""The encrypted state: which programs are called with what, and where its recovery key is seen. Boots try the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.guest_programs import SHELLS, Guest

FAKES = """
modprobe() { :; }
sleep() { :; }
load_drivers() { :; }
findfs() { [ -e "$root/../stick" ] && echo /dev/stick; }
mount() { [ "$2" = vfat ] && cp "$root/../stick" "$scratch/key-disk/a.key"; }
umount() { rm -f "$scratch/key-disk/a.key"; }
cryptsetup() {
  echo "cryptsetup $*" >>"$calls"
  for each; do
    case $each in */recovery-key)
      ls -l "$each" | cut -c 1-10 >>"$calls"
      cat "$each" >"$calls.key"
      ;;
    esac
  done
  case $1 in $fails) return 1 ;; esac
}
"""
PROGRAMS = {
    "mkfs.ext4": 'echo "mkfs.ext4 $*" >>"$calls"',
    "systemd-cryptenroll": """
echo "systemd-cryptenroll $*" >>"$calls"
[ "$fails" != enroll ] || { echo "no luck" >&2; false; }
""",
}
"""Those whose names cannot be functions of every shell."""
KEY = "([cbdefghijklnrtuv]{8}-){7}[cbdefghijklnrtuv]{8}"


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    made = Guest(tmp_path / "guest", request.param, {"state_encrypt": "tpm2", "fails": "nothing"})
    for name, path in {"scratch": "scratch", "measured": "measured", "calls": "calls"}.items():
        made.settings[name] = str(made.place / path)
    (made.place / "measured").mkdir()
    (made.place / "sys/class/tty/console").mkdir(parents=True)
    (made.place / "sys/class/tty/console/active").write_text("tty0 ttyS0\n")
    (made.place / "dev/tpmrm0").touch()
    return made


def run(guest: Guest, script: str) -> str:
    for name, text in PROGRAMS.items():
        program = guest.place / "bin" / name
        settings = "\n".join(f"{key}={guest.settings[key]}" for key in ("calls", "fails"))
        program.write_text(f"#!/bin/sh\n{settings}\n{text}")
        program.chmod(0o755)
    return guest.run(FAKES + script)


def calls(guest: Guest) -> list[str]:
    return (guest.place / "calls").read_text().replace(f"{guest.place}/", "").splitlines()


def test_a_volume_for_the_tpm(guest: Guest) -> None:
    assert run(guest, "make_volume /dev/vda2; echo $?") == "0\n"
    cheap = "--pbkdf pbkdf2 --pbkdf-force-iterations 1000"
    assert calls(guest) == [
        f"cryptsetup luksFormat -q --type luks2 {cheap} --label STATE /dev/vda2 scratch/recovery-key",
        "-rw-------",
        "cryptsetup open --key-file scratch/recovery-key /dev/vda2 claylinux-state",
        "-rw-------",
        "mkfs.ext4 -q -F -L STATE /dev/mapper/claylinux-state",
        "cryptsetup close claylinux-state",
        "systemd-cryptenroll --unlock-key-file=scratch/recovery-key --wipe-slot=tpm2 --tpm2-device=auto --tpm2-pcrs=7 "
        "/dev/vda2",
    ]
    key = (guest.place / "calls.key").read_text()
    assert re.fullmatch(KEY, key)
    for console in ("tty0", "ttyS0"):
        assert f"\n\n    {key}\n\n" in (guest.place / "dev" / console).read_text()
    assert key not in guest.log + guest.said
    assert not (guest.place / "scratch/recovery-key").exists()
    run(guest, "make_volume /dev/vda2")
    assert (guest.place / "calls.key").read_text() != key


def test_the_signed_policy_is_used_where_there_is_one(guest: Guest) -> None:
    (guest.place / "measured/tpm2-pcr-public-key.pem").write_text("key")
    run(guest, "make_volume /dev/vda2")
    assert (
        "--tpm2-pcrs=7 --tpm2-public-key=measured/tpm2-pcr-public-key.pem --tpm2-public-key-pcrs=11" in calls(guest)[-1]
    )


@pytest.mark.parametrize(
    ("fails", "problem"),
    [
        ("luksFormat", "cryptsetup could not encrypt /dev/vda2"),
        ("open", "cryptsetup could not open /dev/vda2"),
        ("enroll", "the TPM could not seal a key: no luck"),
    ],
)
def test_what_fails_shows_no_key(guest: Guest, fails: str, problem: str) -> None:
    """The partition is still called `.new`, and the next boot makes it again."""
    guest.settings["fails"] = fails
    assert run(guest, "make_volume /dev/vda2; echo $?") == "1\n"
    assert guest.said == f"{problem}\n"
    assert not (guest.place / "dev/ttyS0").exists()
    assert not (guest.place / "scratch/recovery-key").exists()


def test_a_machine_without_a_tpm(guest: Guest) -> None:
    (guest.place / "dev/tpmrm0").unlink()
    assert run(guest, "make_volume /dev/vda2 || open_volume /dev/vda2") == ""
    assert guest.said.splitlines()[1] == "no TPM, so /dev/vda2 stays closed"


def test_a_key_file(guest: Guest) -> None:
    guest.settings["state_encrypt"] = "LABEL=KEYS/a.key"
    (guest.place / "stick").write_text("key")
    assert run(guest, "make_volume /dev/vda2; echo $?; open_volume /dev/vda2") == "0\n/dev/mapper/claylinux-state\n"
    assert calls(guest)[-3:] == [
        "cryptsetup luksAddKey -q --pbkdf pbkdf2 --key-file scratch/recovery-key /dev/vda2 scratch/key-disk/a.key",
        "-rw-------",
        "cryptsetup open --key-file scratch/key-disk/a.key /dev/vda2 claylinux-state",
    ]
    assert not (guest.place / "scratch/key-disk/a.key").exists()
    (guest.place / "stick").write_text("")
    assert run(guest, "open_volume /dev/vda2") == ""
    (guest.place / "stick").unlink()
    assert run(guest, "open_volume /dev/vda2") == ""
    assert guest.said.splitlines() == [
        "there is no file LABEL=KEYS/a.key with the key",
        "there is no disk LABEL=KEYS with the key",
    ]


def test_no_other_file_system_is_taken_for_it(guest: Guest) -> None:
    """Whoever has the disk could put one there, with what they like in it."""
    node = guest.place / "dev/vda2"
    node.write_bytes(b"another file system" * 100)
    assert run(guest, f"mount_state {node}; echo $?") == "1\n"
    assert guest.said == f"{node} is not encrypted, as the build file wants it: it was left as it is\n"
    node.write_bytes(b"LUKS\xba\xbe" + bytes(1000))
    assert run(guest, f"is_luks {node} && echo yes") == "yes\n"


@pytest.mark.parametrize("encrypt", ["", "tpm2"])
def test_the_label_that_finds_it_again(guest: Guest, encrypt: str) -> None:
    guest.settings["state_encrypt"] = encrypt
    disk = guest.disk("vda", 1)
    content = bytearray(1 << 20)
    at = 24 if encrypt else 0x478
    content[8192 + at : 8192 + at + 5] = b"STATE"
    disk.write_bytes(content)
    assert run(guest, 'label_at "$dev/vda" 16') == "STATE"


def test_unlocking(guest: Guest) -> None:
    find = 'boot_partition() { :; }; find_state() { echo "vda 2 STATE"; }\n'
    assert run(guest, f"{find}echo secret | unlock; echo $?") == (
        f"From the next boot on, {guest.place}/dev/vda2 is opened again: reboot.\n0\n"
    )
    assert (guest.place / "calls.key").read_text() == "secret"
    guest.settings["fails"] = "enroll"
    failed = run(guest, f"{find}echo secret | unlock 2>&1; echo $?")
    assert failed == "claylinux: the TPM could not seal a key: no luck\n1\n"
    guest.settings["fails"] = "open"
    assert run(guest, f"{find}echo wrong | unlock 2>&1; echo $?").endswith(f"does not open {guest.place}/dev/vda2\n1\n")
    assert not (guest.place / "scratch/recovery-key").exists()
    assert guest.said == ""
    guest.settings["state_encrypt"] = ""
    assert "is not encrypted" in run(guest, "unlock 2>&1; :")
