"""What only the finished system shows, told at the line of the build file that it is about."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.golden import check_golden
from tests.support.places import GOLDEN
from tests.support.whole_request import ask, places, told
from tests.unit.frontend.plan.test_kernel import client

GOLDEN = GOLDEN / "plan_errors"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@example"
TEXT = f"""\
base: debian-cloud
users:
  - name: bob
  - name: ada
    ssh_authorized_keys: ["{KEY}"]
mounts:
  /home: {{tmpfs: true}}
files:
  /var/run/acme/x.conf: "lost"
  /etc/motd: "seen"
services:
  agent: {{command: /home/agent}}
"""
HIDDEN: dict[str, Any] = {
    "hidden_files": {"/var/run/acme/x.conf": "/run", "/home/agent": "/home"},
    "hidden_homes": {"ada": ["/home/ada", "/home"], "bob": ["/home/bob", "/home"]},
}


@pytest.mark.parametrize("target", ["", "image"])
def test_keys_below_a_mount_let_nobody_in(target: str, update_golden: bool) -> None:
    asked = ask(TEXT, client(HIDDEN), **({"target": target} if target else {}))
    check_golden(GOLDEN / "hidden_keys.txt", f"{told(asked)}\nlines: {places(asked)}\n", update=update_golden)


def test_other_hidden_things_are_warnings(update_golden: bool) -> None:
    asked = ask(TEXT, client({**HIDDEN, "hidden_homes": {"bob": ["/home/bob", "/home"]}}))
    assert asked.error is None
    check_golden(GOLDEN / "hidden_warnings.txt", "\n".join(asked.warned) + "\n", update=update_golden)


def test_a_file_can_leave_out_what_is_hidden() -> None:
    asked = ask(f"# check=skip=HiddenFile\n{TEXT}", client({"hidden_files": {"/home/agent": "/home"}}))
    assert asked.warned == []


def test_a_file_that_cannot_work_as_a_program_is_a_warning_at_its_line() -> None:
    reason = "/etc/motd is not executable: give it `mode: '0755'`"
    asked = ask(TEXT, client({"broken": {"/etc/motd": reason, "/elsewhere": "unused"}}))
    assert asked.warned == [f"claylinux.yaml:10: `files`: {reason} [BrokenProgram]"]


def test_what_a_base_has_left_from_its_disk_is_a_warning_at_the_base() -> None:
    left = {"disarmed": ["/ on LABEL=x (/etc/fstab)"], "waits": [], "unused": ["GRUB"]}
    asked = ask("name: x\nbase: {image: 'x:1'}\n", client({"leftovers": left}))
    assert asked.warned == [
        "claylinux.yaml:2: the base was made for a disk; these entries no longer stop the boot of a system in memory "
        "(what it cannot do without belongs in `mounts`): / on LABEL=x (/etc/fstab) [DiskLeftover]",
        "claylinux.yaml:2: the base has settings that have no effect here: GRUB [DiskLeftover]",
    ]


@pytest.mark.parametrize(("kind", "warned"), [("local:root", 1), ("docker-image://x/y:1", 0)])
def test_a_directory_as_base_has_lost_its_owners(kind: str, warned: int) -> None:
    asked = ask("name: x\nbase: {context: root}\n", client({}), **{"context:root": kind})
    assert len([text for text in asked.warned if text.endswith("[LostOwners]")]) == warned
    assert all(text.startswith("claylinux.yaml:2: the base is a directory of the client") for text in asked.warned)


def test_lost_owners_can_fail_a_build() -> None:
    asked = ask("# check=error=true\nbase: {context: root}\n", client({}), **{"context:root": "local:root"})
    assert "docker import" in told(asked)
