"""Values of the spec as JSON and back."""

from __future__ import annotations

import pytest

from frontend.config import load
from spec import accounts, mounts, services, wire
from spec.accounts import HashText, User
from spec.mounts import MemoryMount
from spec.services import ServiceCommand
from spec.values.types import Owner, Share

SYSTEM = b"""
base: debian
users:
  - {name: me, password: "", groups: [sudo], ssh_authorized_keys: [{source: me.pub, context: keys}]}
  - {name: root, uid: 0, lock: true}
services: {nginx: true, agent: {command: /bin/a "b c", env: {A: ""}, after: [net]}}
mounts: {/a: {tmpfs: true}, /b: {tmpfs: 50%}, /c: {device: LABEL=D, fstype: ext4, create: true}}
files: {/d: {directory: true, owner: "me:sudo"}}
"""


def test_what_a_build_file_says_comes_back() -> None:
    spec = load(SYSTEM, "claylinux.yaml")
    for module, values in (
        (accounts, spec.users),
        (services, tuple(spec.services.items())),
        (mounts, tuple(spec.mounts.items())),
    ):
        assert values
        assert wire.load(wire.dump(values), vars(module)) == values
    entry = spec.files["/d"]
    from spec import files

    assert wire.load(wire.dump(entry), vars(files)) == entry


def test_the_text_has_nothing_that_says_nothing() -> None:
    assert wire.dump(User(name="me")) == '{"":"User","name":"me"}'
    assert wire.dump(User(name="me", uid=0, password=HashText(hash=""))) == (
        '{"":"User","name":"me","password":{"":"HashText","hash":""},"uid":0}'
    )
    assert wire.dump(MemoryMount(tmpfs=Share(7))) == '{"":"MemoryMount","tmpfs":{"":"Share","percent":7}}'
    assert wire.dump(ServiceCommand(command=("/a",), env={"B": "", "A": "x"})) == (
        '{"":"ServiceCommand","command":["/a"],"env":{"A":"x","B":""}}'
    )


def test_only_classes_that_are_named_are_made() -> None:
    assert wire.load('{"":"Owner","user":1}', {}) == Owner(user=1)
    for wrong, error in (('{"":"User","name":"x"}', KeyError), ("{", ValueError), ('{"":"Owner"}', TypeError)):
        with pytest.raises(error):
            wire.load(wrong, {})
