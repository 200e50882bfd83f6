"""What inspect says about a system."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from imager.core.errors import ImagerError
from imager.kernel import kernels
from imager.report import inspection
from imager.requests.reports import Inspect
from imager.rootfs.root import Root
from tests.support.imager import make_kernel, make_pe, make_system

if TYPE_CHECKING:
    from pathlib import Path


def found(system: Path, **options: Any) -> dict[str, object]:
    out = system.parent / "report.json"
    inspection.run(Inspect(system=str(system), output=str(out), **options))
    text = out.read_text()
    value: dict[str, object] = json.loads(text)
    assert text == json.dumps(value, indent=1, sort_keys=True) + "\n"
    return value


def test_a_whole_system(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    (system / "boot/cmdline").write_text("\n console=ttyS0 \n")
    (system / "boot/intel-ucode.img").write_bytes(b"070701")
    (system / "etc/hosts.target").write_text("12345678")
    os.link(system / "etc/hosts.target", system / "etc/link")
    assert found(system) == {
        "broken": {},
        "boot_cmdline": "console=ttyS0",
        "files": 19,
        "hidden_files": {},
        "hidden_homes": {},
        "init": "/sbin/init",
        "init_machine": "amd64",
        "kernel_tree": {},
        "kernels": [
            {"machine": "amd64", "path": "boot/vmlinuz-6.1.0-1-amd64", "version": "6.1.0-1-amd64"},
        ],
        "leftovers": {},
        "microcode": ["boot/intel-ucode.img"],
        "no_decoder": {},
        "no_disk": {"6.1.0-1-amd64": ["dm_mod", "dm_verity", "squashfs", "overlay"]},
        "no_overlay": {"6.1.0-1-amd64": ["loop", "squashfs", "overlay"]},
        "modules": ["6.1.0-1-amd64"],
        "os_release": {"ID": "debian", "PRETTY_NAME": "Debian 13"},
        "size": 20 + len('ID=debian\nPRETTY_NAME="Debian 13"\n') + 8,
        "target_files": ["etc/hosts.target"],
        "unknown_modules": {},
    }


def test_the_init_behind_that_of_a_state(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    ours = system / "usr/lib/claylinux"
    ours.mkdir()
    (ours / "start").write_text("#!/bin/sh\n")
    (ours / "init").symlink_to("/usr/lib/systemd/systemd")
    (system / "usr/lib/systemd").mkdir(parents=True)
    (system / "sbin/init").rename(system / "usr/lib/systemd/systemd")
    (system / "sbin/init").symlink_to("/usr/lib/claylinux/start")
    value = found(system)
    assert (value["init"], value["init_machine"]) == ("/sbin/init", "amd64")


def test_modules_are_looked_for_in_every_kernel_that_has_a_list(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    (system / "usr/lib/modules/6.1.0-1-amd64/modules.dep").write_text("kernel/net/br_netfilter.ko.xz:\n")
    (system / "usr/lib/modules/6.1.0-1-amd64/modules.builtin").write_text("kernel/fs/ext4/ext4.ko\n")
    (system / "usr/lib/modules/9").mkdir()
    (tmp_path / "early.json").write_text(
        '{"removed": {"modules": 2}, "beyond": {"6.1": ["snd"]}, "similar": {"a": "b"}}'
    )
    (tmp_path / "late.json").write_text('{"removed": {"modules": 1}, "similar": {}}')
    trees = (str(tmp_path / "early.json"), str(tmp_path / "late.json"))
    value = found(system, module=("br-netfilter", "ext4", "br_netfiler", "zzz"), kernel_tree=trees)
    assert value["unknown_modules"] == {"6.1.0-1-amd64": {"br_netfiler": "br_netfilter", "zzz": None}}
    assert value["kernel_tree"] == {"removed": {"modules": 3}, "beyond": {"6.1": ["snd"]}, "similar": {"a": "b"}}


def test_an_empty_system(tmp_path: Path) -> None:
    (tmp_path / "system").mkdir()
    value = found(tmp_path / "system")
    assert {key for key, content in value.items() if content} == {"files"}
    assert (value["init"], value["kernels"], value["os_release"]) == (None, [], {})


def names(root: Root) -> list[tuple[str, str]]:
    return [(kernel.version, kernel.path) for kernel in kernels.find(root)]


def test_a_version_counts_once(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    (system / "boot/vmlinuz").symlink_to("vmlinuz-6.1.0-1-amd64")
    (system / "usr/lib/modules/6.1.0-1-amd64/vmlinuz").write_bytes(make_kernel())
    (system / "lib").symlink_to("usr/lib")
    (system / "boot/vmlinuz-gone").symlink_to("/boot/nothing")
    (system / "boot/vmlinuz-folder").mkdir()
    assert names(Root(system)) == [("6.1.0-1-amd64", "boot/vmlinuz")]


def test_several_kernels_are_sorted(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    (system / "boot/vmlinuz-rescue").write_bytes(make_kernel("5.9.9"))
    (system / "usr/lib/modules/7.0").mkdir()
    (system / "usr/lib/modules/7.0/vmlinuz").write_bytes(b"not bootable")
    assert names(Root(system)) == [
        ("5.9.9", "boot/vmlinuz-rescue"),
        ("6.1.0-1-amd64", "boot/vmlinuz-6.1.0-1-amd64"),
        ("7.0", "usr/lib/modules/7.0/vmlinuz"),
    ]
    assert kernels.find(Root(system))[2].machine is None


@pytest.mark.parametrize(
    ("name", "version"),
    [("vmlinuz-lts", "6.6.1-0-lts"), ("vmlinuz-5.10", "5.10"), ("vmlinuz-other", "other"), ("vmlinuz", "vmlinuz")],
)
def test_kernels_that_do_not_tell_are_known_by_name(tmp_path: Path, name: str, version: str) -> None:
    for folder in ("boot", "lib/modules/6.6.1-0-lts", "lib/modules/5.10"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "boot" / name).write_bytes(make_pe("arm64"))
    assert kernels.find(Root(tmp_path)) == (kernels.Kernel(version, f"boot/{name}", "arm64"),)


def test_init_links_are_read_inside_the_system(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    (system / "usr/sbin/init").rename(system / "usr/real")
    (system / "usr/sbin/init").symlink_to("/usr/real")
    assert found(system)["init_machine"] == "amd64"
    (system / "usr/sbin/init").unlink()
    (system / "usr/sbin/init").symlink_to("/bin/sh-of-the-host")
    assert found(system)["init"] is None


@pytest.mark.parametrize(
    ("config", "lacks"),
    [
        (
            "CONFIG_SQUASHFS=m\nCONFIG_SQUASHFS_ZLIB=y\n# CONFIG_SQUASHFS_ZSTD is not set\nCONFIG_SQUASHFS_XZ=y\n",
            ["lz4", "zstd"],
        ),
        ("# CONFIG_SQUASHFS is not set\n", []),
    ],
)
def test_the_kernels_configuration_says_what_it_decompresses(tmp_path: Path, config: str, lacks: list[str]) -> None:
    system = make_system(tmp_path / "system")
    (system / "boot/config-6.1.0-1-amd64").write_text(config)
    assert found(system)["no_decoder"] == ({"6.1.0-1-amd64": lacks} if lacks else {})


def test_a_command_line_has_a_limit(tmp_path: Path) -> None:
    place = make_system(tmp_path / "system") / "boot/cmdline"
    place.write_text("x" * (64 << 10))
    assert inspection.inspect(Root(tmp_path / "system"))["boot_cmdline"] == "x" * (64 << 10)
    place.write_text("x" * ((64 << 10) + 1))
    with pytest.raises(ImagerError, match="boot/cmdline"):
        inspection.inspect(Root(tmp_path / "system"))
