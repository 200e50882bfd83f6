"""Steps of `run` in the graph: their names in the progress, and the arguments that they get."""

from __future__ import annotations

import pytest

import llb
from proto import ops_pb2 as pb
from tests.support.fake_client import FakeClient
from tests.support.whole_request import BOOTABLE, ask

TEXT = """\
base: debian
args: {COLOR: red, COUNT: "3", SHAPE: round}
run:
  - "printf '\\e[1m%s\\t' $COLOR #\\u202E"
  - |
    echo $((COUNT + 1))
    echo SHAPE
"""


def test_a_script_may_hold_control_characters_and_gets_what_it_mentions() -> None:
    client = ask(TEXT, FakeClient(outputs=BOOTABLE))
    assert client.error is None, client.error
    names = [vertex.name for vertex in client.solved[-1].vertices.values()]
    assert r"[run 1/2] printf '\x1b[1m%s ' $COLOR #\u202e" in names
    assert "[run 2/2] echo $((COUNT + 1)) echo SHAPE" in names
    steps = [bytes(each) for each in getattr(client.solved[-1].to_pb(), "def")]
    (first,) = (each for each in steps if b"printf '\x1b[1m%s\t'" in each)
    (second,) = (each for each in steps if b"echo $((COUNT + 1))\necho SHAPE" in each)
    assert [name in first for name in (b"COLOR=red", b"COUNT=3", b"SHAPE=")] == [True, False, False]
    # What is bare in a script counts from an arithmetic expression on: where that ends, only the shell knows.
    assert [name in second for name in (b"COLOR=red", b"COUNT=3", b"SHAPE=round")] == [False, True, True]


@pytest.mark.parametrize(
    ("forced", "networks"),
    [
        ("", ["UNSET", "HOST", "NONE"]),
        ("sandbox", ["UNSET", "HOST", "NONE"]),
        ("none", ["NONE", "HOST", "NONE"]),
        ("host", ["HOST", "HOST", "NONE"]),
    ],
)
def test_the_network_of_a_step_is_its_own_or_that_of_the_build(forced: str, networks: list[str]) -> None:
    text = "base: {image: x}\nrun: [one, {script: two, network: host}, {script: three, network: none}]\n"
    client = ask(text, FakeClient(outputs=BOOTABLE), **({"force-network-mode": forced} if forced else {}))
    assert client.error is None, client.error
    steps = [pb.Op.FromString(each) for each in getattr(client.solved[-1].to_pb(), "def")]
    found = {
        step.exec.meta.args[-1].split("\n")[-1]: pb.NetMode.Name(step.exec.network)
        for step in steps
        if step.exec.meta.args
    }
    assert [found[script] for script in ("one", "two", "three")] == networks


def test_an_image_has_the_command_line_for_those_who_build_from_it() -> None:
    text = "base: {image: x}\nkernel: {cmdline: [quiet, console=ttyS0]}\n"
    for target, is_there in (("image", True), ("raw", False)):
        client = ask(text, FakeClient(outputs=BOOTABLE), target=target)
        assert client.error is None, client.error
        assert ('data: "quiet console=ttyS0\\n"' in llb.dump(client.solved[-1])) is is_there


def test_builds_can_keep_their_caches_apart() -> None:
    text = "base: {image: x}\nrun:\n  - {script: make, mounts: ['type=cache,target=/c']}\n"
    for options, name in (
        ({}, "claylinux-amd64-"),
        ({"build-arg:BUILDKIT_CACHE_MOUNT_NS": "me"}, "me-claylinux-amd64-"),
    ):
        client = ask(text, FakeClient(outputs=BOOTABLE), **options)
        assert client.error is None, client.error
        steps = [pb.Op.FromString(each) for each in getattr(client.solved[-1].to_pb(), "def")]
        (cache,) = [mount.cacheOpt.ID for step in steps for mount in step.exec.mounts if mount.cacheOpt.ID]
        assert cache.startswith(name)


def test_a_service_gives_way_to_another_for_the_same_purpose() -> None:
    for wanted, yields in (("[chronyd]", True), ("{chronyd: false}", False), ("[chronyd, ntpd]", False)):
        client = ask(f"base: alpine-virt\nservices: {wanted}\n", FakeClient(outputs=BOOTABLE))
        assert client.error is None, client.error
        assert ('["ntpd","chronyd"]' in llb.dump(client.solved[-1]).replace("\\", "")) is yields


def test_a_package_manager_in_a_step_is_quiet() -> None:
    text = 'base: {image: x}\nrun:\n  - {script: "apt-get install x", env: {DEBIAN_FRONTEND: readline}}\n'
    client = ask(text, FakeClient(outputs=BOOTABLE))
    assert client.error is None, client.error
    steps = [bytes(each) for each in getattr(client.solved[-1].to_pb(), "def")]
    (step,) = (each for each in steps if b"apt-get install x" in each)
    assert b"/usr/sbin/policy-rc.d" in step
    assert b"SYSTEMD_OFFLINE=1" in step
    assert b"DEBIAN_FRONTEND=readline" in step and b"DEBIAN_FRONTEND=noninteractive" not in step


def test_alpine_has_nothing_to_keep_quiet() -> None:
    client = ask("base: alpine-virt\nrun: [apk add x]\n", FakeClient(outputs=BOOTABLE))
    assert client.error is None, client.error
    steps = [bytes(each) for each in getattr(client.solved[-1].to_pb(), "def")]
    (step,) = (each for each in steps if b"apk add x" in each)
    assert b"policy-rc.d" not in step and b"SYSTEMD_OFFLINE" not in step


def test_what_the_caller_sets_for_steps_reaches_them() -> None:
    asked = {
        "hostname": "builder",
        "add-hosts": "db=10.0.0.5",
        "ulimit": "nofile=1024:2048",
        "cgroup-parent": "/slice",
    }
    client = ask("base: {image: x}\nrun: [make]\n", FakeClient(outputs=BOOTABLE), **asked)
    assert client.error is None, client.error
    steps = [pb.Op.FromString(each).exec.meta for each in getattr(client.solved[-1].to_pb(), "def")]
    (step,) = (each for each in steps if each.args and each.args[-1].endswith("make"))
    assert (step.hostname, step.cgroupParent) == ("builder", "/slice")
    assert [(each.Host, each.IP) for each in step.extraHosts] == [("db", "10.0.0.5")]
    assert [(each.Name, each.Soft, each.Hard) for each in step.ulimit] == [("nofile", 1024, 2048)]
