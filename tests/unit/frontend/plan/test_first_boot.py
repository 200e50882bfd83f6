"""When a system is made ready for its first boot again, after its packages: what `files` and `run` bring."""

from __future__ import annotations

import pytest

from frontend.distro.registry import FAMILIES
from frontend.plan.first_boot import matters
from tests.support.fake_client import FakeClient
from tests.support.whole_request import BOOTABLE, ask

STEP = "[system] first-boot work of systemd"
TIDY = "[system] remove traces of package managers"
IMAGE = "base: {image: x}\nhostname: h\n"


@pytest.mark.parametrize(
    ("path", "file", "tree"),
    [
        ("/usr/local/lib/libx.so", True, True),
        ("/opt/x/lib/libx.so.1.2", True, True),
        ("/opt/x/ld-x.so.2", True, True),
        ("/opt/x/libx.a", False, False),
        ("/opt/x/libx.sources", False, False),
        ("/etc/systemd/system/lib.socket", False, False),
        ("/etc/ld.so.conf", True, True),
        ("/etc/ld.so.conf.d", True, True),
        ("/etc/ld.so.conf.d/x.conf", True, True),
        ("/etc/sysusers.d/x.conf", True, True),
        ("/usr/lib/sysusers.d/x.conf", True, True),
        ("/etc/group", True, True),
        ("/etc/gshadow", True, True),
        ("/usr/lib/systemd/catalog/x.catalog", True, True),
        ("/etc/udev/hwdb.d/x.hwdb", True, True),
        ("/usr/lib/udev/hwdb.d/x.hwdb", False, True),  # systemd looks for these in /etc only
        ("/usr/lib/systemd/system/x.service", False, True),
        ("/usr/lib/x86_64-linux-gnu", False, True),
        ("/usr/local", False, True),
        ("/lib64", False, True),
        ("/etc", False, True),
        ("/", False, True),
        ("/etc/nginx", False, False),
        ("/usr/libexec", False, False),
        ("/usr/local/bin", False, False),
        ("/usr/share", False, False),
        ("/opt/x", False, False),
    ],
)
def test_which_files_are_looked_for(path: str, file: bool, tree: bool) -> None:
    assert (matters(path, tree=False), matters(path, tree=True)) == (file, tree)


@pytest.mark.parametrize(
    ("text", "planned"),
    [
        ("base: debian\n", False),
        ("base: debian\nrun: [ldconfig]\n", True),
        ("base: debian\nfiles: {/etc/motd: text, /usr/lib/x/y: text}\n", False),
        ("base: debian\nfiles: {/etc/sysusers.d/x.conf: text}\n", True),
        ("base: debian\nfiles: {/usr/local: {source: tree}}\n", True),
        ("base: debian\nfiles: {/usr/local/x: {source: file}}\n", False),
        ("base: debian\nfiles: {/usr/lib/x: {source: file}}\n", False),
        ("base: debian\nfiles: {/usr/lib/x: {directory: true}}\n", False),
        ("base: debian\nfiles: {/usr/local/lib: {symlink: /opt/lib}}\n", True),
        ("base: debian\nfiles: {/usr/lib/x: {url: 'https://files.example/x'}}\n", False),
        ("base: debian\nfiles: {/usr/lib/x: {url: 'https://files.example/x', unpack: true}}\n", True),
        ("base: alpine-virt\nrun: [ldconfig]\nfiles: {/usr/lib/libx.so: text}\n", False),
        (f"{IMAGE}run: [ldconfig]\n", False),
        (f"{IMAGE}run: [ldconfig]\npackages: [x]\n", True),
        (f"{IMAGE}run: [ldconfig]\nremove_packages: [x]\n", True),
        (f"{IMAGE}run: [ldconfig]\nkernel: {{microcode: amd}}\n", True),
        (f"{IMAGE}packages: [x]\n", False),
    ],
)
def test_when_there_is_a_step(text: str, planned: bool) -> None:
    client = FakeClient(outputs={**BOOTABLE, "tree": b"", "file": b""}, folders=frozenset({"tree"}))
    client = ask(text, client)
    assert client.error is None, client.error
    names = [vertex.name for vertex in client.solved[-1].vertices.values()]
    assert (STEP in names) is planned


def test_it_comes_after_the_last_step_of_run() -> None:
    client = ask("base: debian\nrun: [one, two]\nhostname: x\n", FakeClient(outputs=BOOTABLE))
    names = [vertex.name for vertex in client.solved[-1].vertices.values()]
    assert names.index("[run 2/2] two") < names.index(STEP) < names.index("[system] hostname hosts")


@pytest.mark.parametrize(
    ("text", "planned"),
    [
        ("base: alpine-virt\nrun: [apk add x]\n", True),
        (f"{IMAGE}run: [apt-get install x]\n", True),
        ("base: debian\nrun: [apt-get install x]\n", False),  # the step of the first boot does it
        ("base: alpine-virt\nfiles: {/usr/lib/libx.so: text}\n", False),
    ],
)
def test_run_leaves_no_traces_of_package_managers(text: str, planned: bool) -> None:
    client = ask(text)
    assert client.error is None, client.error
    names = [vertex.name for vertex in client.solved[-1].vertices.values()]
    assert (TIDY in names) is planned


@pytest.mark.parametrize("name", FAMILIES)
def test_keys_and_names_that_the_file_brings_stay(name: str) -> None:
    script = FAMILIES[name].tidy().script
    assert "ssh_host" not in script
    assert "machine-id" not in script
