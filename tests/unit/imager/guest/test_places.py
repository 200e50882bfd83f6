"""Where versions are on the disk that the machine booted from, and what the names of files say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.guest_programs import ESP, ESP_GUID, GUEST, SHELLS, Guest
from tests.support.update_guest import Keys, UpdateGuest, Version

UPDATES = 'start=43008, size=61440, type=bc13c2ff-59e6-4262-a352-b275fd6f7172, name="UPDATES"'
OTHER = 'start=43008, size=61440, type=bc13c2ff-59e6-4262-a352-b275fd6f7172, name="boot"'
FIND = f". {GUEST}/update/places.sh\nboot_partition() {{ echo $boot; }}\nwhy=\n"
FIND += "if find_places; then echo $esp_node $updates_node; else echo $why; fi"


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_partitions(shell: str, tmp_path: Path) -> None:
    guest = Guest(tmp_path, shell)
    missing = "the disk that the machine booted from has no partition UPDATES\n"
    assert guest.run(FIND) == missing
    guest.disk("vdb", 100, f"label: gpt\n{UPDATES}")
    guest.disk("nvme0n1", 100, f"label: gpt\n{ESP}\n{OTHER}")
    assert guest.run(FIND) == missing
    guest.disk("nvme0n1", 100, f"label: gpt\n{ESP}\n{UPDATES}")
    assert guest.run(FIND) == f"{tmp_path}/dev/nvme0n1p1 {tmp_path}/dev/nvme0n1p2\n"
    assert guest.run(FIND, boot="") == "the machine did not boot from a disk\n"
    assert guest.run(FIND, boot=ESP_GUID.replace("1", "2")) == missing


@pytest.mark.slow
def test_names(keys: tuple[Keys, Keys], tmp_path: Path) -> None:
    guest = UpdateGuest(tmp_path / "guest", "dash", keys[0])
    guest.runs(Version("1.0", (b"x",)))
    place = guest.updates / "EFI/Linux"
    place.mkdir(parents=True)
    right = ("web_1.1+3.efi", "web_1.2+2-1.efi", "web_1.3.efi", "web_1.4~rc1+0-3.efi", "web_1.5+0.efi")
    wrong = [f"web_1.6{count}.efi" for count in ("+x", "+1-2-3", "+", "+-1")]
    for name in (*right, *wrong, "web_1 6.efi", "web_.efi", "mail_1.6.efi", "web_1.6.new"):
        (place / name).write_bytes(b"x")
    (place / "web_1.9.efi").touch()  # empty: its content is not yet there
    found = [line.split() for line in guest.run("system_facts; entries").out.splitlines()]
    assert found == [
        ["esp", "1.0", "-", "-", "web_1.0.efi"],
        ["updates", "1.1", "3", "0", right[0]],
        ["updates", "1.2", "2", "1", right[1]],
        ["updates", "1.3", "-", "-", right[2]],
        ["updates", "1.4~rc1", "0", "3", right[3]],
        ["updates", "1.5", "0", "0", right[4]],
    ]
    order = "system_facts; set -- $(best_entry); echo $2; set -- $(best_entry 1.3); echo $2; newest_good"
    assert guest.run(order).out.split() == ["1.3", "1.2", "1.3"]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["", "IMAGE_ID=web\n", "IMAGE_VERSION=1\n", "IMAGE_ID=web\nIMAGE_VERSION=1_2\n"])
def test_systems_without_a_version(keys: tuple[Keys, Keys], tmp_path: Path, text: str) -> None:
    guest = UpdateGuest(tmp_path / "guest", "dash", keys[0])
    (guest.place / "root/etc/os-release").write_text(text)
    done = guest.update()
    assert (done.code, "has no IMAGE_ID, or no IMAGE_VERSION" in done.err) == (1, True)


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHELLS)
def test_one_program_at_a_time(keys: tuple[Keys, Keys], tmp_path: Path, shell: str) -> None:
    """FAT cannot be mounted for reading and for writing at once. Who waited finds a place to mount it at."""
    guest = UpdateGuest(tmp_path / "guest", shell, keys[0])
    script = f"""
      . {GUEST}/update/places.sh
      esp_node=esp updates_node=updates
      attach_one() {{ [ -d "$2" ] || echo "$2 is gone"; }}
      umount() {{ :; }}
      flush_disk() {{ :; }}
      (attach ro; echo first; command sleep 1.5; echo done; detach) &
      command sleep 0.5
      attach rw && echo second
      detach
      attach ro && echo third
      wait
    """
    done = guest.run(script)
    assert (done.out.split(), done.err) == (["first", "done", "second", "third"], "")


@pytest.mark.slow
def test_what_mount_says(keys: tuple[Keys, Keys], tmp_path: Path) -> None:
    """Its last line says where more is to be had."""
    guest = UpdateGuest(tmp_path / "guest", "dash", keys[0])
    script = f"""
      . {GUEST}/update/places.sh
      mount() {{ printf 'mount: %s: busy.\n  dmesg(1) may have more.\n' "$6" >&2; return 32; }}
      sleep() {{ :; }}
      mkdir -p "$work"
      attach_one /dev/x1 /at ro || echo "$why"
    """
    assert guest.run(script).out == "/dev/x1 cannot be mounted: mount: /at: busy.\n"


HELD = f"""
. {GUEST}/update/places.sh
esp_node=esp updates_node=updates why=
mount() {{ [ ! -e "$6/mounted" ] || {{ echo busy >&2; return 1; }}; : >"$6/mounted"; }}
umount() {{ rm "$1/mounted"; }}
repair() {{ :; }}
flush_disk() {{ :; }}
tidy_up() {{ :; }}
"""
"""Places whose mounts are files of this name, and cannot be mounted twice."""


@pytest.mark.parametrize("shell", SHELLS)
def test_what_a_killed_program_has_left_mounted(keys: tuple[Keys, Keys], tmp_path: Path, shell: str) -> None:
    guest = UpdateGuest(tmp_path / "guest", shell, keys[0])
    for place in (guest.esp, guest.updates):
        (place / "mounted").touch()
    done = guest.run(f"{HELD}\nattach rw && echo attached; detach; echo $why")
    assert (done.out.split(), done.err) == (["attached"], "")
    assert not [place for place in (guest.esp, guest.updates) if (place / "mounted").exists()]


@pytest.mark.parametrize("shell", SHELLS)
def test_what_another_program_has_mounted_stays(keys: tuple[Keys, Keys], tmp_path: Path, shell: str) -> None:
    guest = UpdateGuest(tmp_path / "guest", shell, keys[0])
    (guest.updates / "mounted").touch()
    assert guest.run(f"{HELD}\ndetach").code == 0
    assert (guest.updates / "mounted").exists()
