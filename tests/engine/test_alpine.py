"""Alpine presets and both families of package managers, on a real engine with the real apk and apt."""

from __future__ import annotations

import json
import re
import tarfile
import time
from pathlib import Path

import pytest

from tests.engine.test_failures import MARK
from tests.support.alpine import Alpine, mirror_answers, serving
from tests.support.apk_repository import File, Package, SigningKey, publish, serve
from tests.support.engine import BuildResult, digests

pytestmark = pytest.mark.engine

HEAD = "# syntax=claylinux/frontend\nbase: alpine-virt\n"
TREE = ("--target=image",)


@pytest.fixture(params=["official", "apk3"])
def alpine(request: pytest.FixtureRequest) -> Alpine:
    """Each Alpine in turn."""
    found: Alpine = request.getfixturevalue(f"alpine_{request.param}")
    return found


def build(alpine: Alpine, tmp_path: Path, text: str, *args: str, output: Path | str | None = None) -> BuildResult:
    project = tmp_path / "project"
    project.mkdir(exist_ok=True)
    (project / "claylinux.yaml").write_text(text)
    return alpine.build(project, "--target=image", *args, output=output)


def system(alpine: Alpine, tmp_path: Path, text: str, *args: str, name: str = "tree") -> Path:
    """Build the system of `text` and return the directory with its content; unlike a directory, a tar keeps owners."""
    archive, tree = tmp_path / f"{name}.tar", tmp_path / name
    build(alpine, tmp_path, text, *args, output=f"type=tar,dest={archive}").check()
    with tarfile.open(archive) as tar:
        tar.extractall(tree, numeric_owner=True, filter="fully_trusted")
    return tree


def error(result: BuildResult) -> tuple[str, list[int]]:
    """Return the last lines of a failed build, and the marked lines of the build file."""
    assert result.returncode != 0, "the build must fail"
    assert "Traceback" not in result.log
    return result.log, [int(number) for number, _ in MARK.findall(result.log)]


def test_a_preset_has_runlevels_a_kernel_and_what_was_asked(alpine: Alpine, tmp_path: Path) -> None:
    tree = system(
        alpine,
        tmp_path,
        HEAD
        + """
packages: [nginx, clay-doc]
remove_packages: [clay-doc]
services: {nginx: true, crond: boot, ntpd: false, acpid: boot, syslog: true}
dns: {servers: [9.9.9.9]}
hosts: {db.internal: 10.0.0.5}
kernel: {microcode: [intel, amd]}
""",
    )
    runlevels = {
        level.name: sorted(entry.name for entry in level.iterdir()) for level in (tree / "etc/runlevels").iterdir()
    }
    assert runlevels == {
        "sysinit": ["devfs", "dmesg", "hwdrivers", "mdev"],
        "boot": [
            "acpid", "bootmisc", "crond", "hostname", "hwclock", "modules", "networking", "sysctl", "syslog",
        ],
        "default": ["nginx"],
        "nonetwork": [],
        "shutdown": ["killprocs", "mount-ro", "savecache"],
    }  # fmt: skip
    terminals = [line for line in (tree / "etc/inittab").read_text().splitlines() if "getty" in line]
    assert [line.split(":")[0] for line in terminals] == ["tty1", "ttyS0"]
    assert "iface eth0 inet dhcp" in (tree / "etc/network/interfaces").read_text()
    assert (tree / "boot/cmdline").read_text() == "console=tty0 console=ttyS0,115200\n"
    assert (tree / "etc/resolv.conf").read_text() == "nameserver 9.9.9.9\n"
    assert "10.0.0.5\tdb.internal\n" in (tree / "etc/hosts").read_text()

    # The kernel came without its dependencies and scripts; modprobe finds its modules by their aliases.
    (modules,) = (tree / "lib/modules").iterdir()
    assert (tree / "boot/vmlinuz-virt").exists()
    assert not (tree / "claylinux-ran-a-kernel-script").exists()
    assert re.search(r"^kernel/drivers/net/virtio_net.ko.gz: .*failover", (modules / "modules.dep").read_text(), re.M)
    assert not list(tree.glob(".*"))
    assert {"intel-ucode.img", "amd-ucode.img"} <= {path.name for path in (tree / "boot").iterdir()}

    # The database is apk's own, and nothing from the build remains.
    world = (tree / "etc/apk/world").read_text().split()
    assert {"alpine-base", "nginx"} <= set(world)
    assert not {"clay-doc", "clay-tool"} & set(world)
    assert not (tree / "usr/bin/clay-tool").exists()  # clay-doc had needed it
    assert [path.name for path in (tree / "var/cache/apk").iterdir()] == []
    assert [path for path in (tree / "run").iterdir() if "claylinux" in path.name] == []
    assert not (tree / "etc/passwd-").exists()
    shadow = (tree / "etc/shadow").read_text()
    assert re.search(r"^nginx:!:3652:", shadow, re.M)


@pytest.mark.parametrize(("package", "service"), [("chrony", "chronyd"), ("openntpd", "openntpd")])
def test_one_daemon_sets_the_clock(alpine: Alpine, tmp_path: Path, package: str, service: str) -> None:
    archive = tmp_path / "system.tar"
    text = f"{HEAD}packages: [{package}]\nservices: {{{service}: true}}\n"
    log = build(alpine, tmp_path, text, output=f"type=tar,dest={archive}").check().log
    assert f"services: ntpd of the preset is off, because {service} does its work" in log
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert f"etc/runlevels/default/{service}" in names
    assert [name for name in names if name.endswith("/ntpd") and "runlevels" in name] == []


def test_a_region_comes_with_its_packages(alpine: Alpine, tmp_path: Path) -> None:
    text = HEAD + "timezone: Europe/Berlin\nlocale: de_DE.UTF-8\nkeyboard: {layout: de, variant: nodeadkeys}\n"
    tree = system(alpine, tmp_path, text + "swap: [{zram: 50%}, {device: LABEL=swap}]\n")
    assert str((tree / "etc/localtime").readlink()) == "/usr/share/zoneinfo/Europe/Berlin"
    assert (tree / "usr/share/zoneinfo/Europe/Berlin").read_bytes().startswith(b"TZif")
    assert "LANG:-de_DE.UTF-8" in (tree / "etc/profile.d/10claylinux-locale.sh").read_text()
    keymap = (tree / "etc/conf.d/loadkmap").read_text().rpartition("KEYMAP=/")[2].strip()
    assert (tree / keymap).stat().st_size > 0
    assert {"loadkmap", "swap"} <= {each.name for each in (tree / "etc/runlevels/boot").iterdir()}
    assert (tree / "etc/runlevels/default/claylinux-zram0").is_symlink()
    wrong = error(build(alpine, tmp_path, HEAD + "timezone: UTC\nkeyboard: {layout: de, variant: nodedkeys}\n"))
    assert "imager: error: keyboard: the system has no variant nodedkeys: did you mean nodeadkeys?" in wrong[0]
    assert wrong[1] == [4]


def test_packages_are_removed_without_a_word(alpine: Alpine, tmp_path: Path) -> None:
    """apk 3 warns of every index that it does not find, where it is asked to look at them."""
    log = build(alpine, tmp_path, HEAD + "packages: [clay-doc]\nremove_packages: [clay-doc]\n").check().log
    (number,) = re.findall(r"^#(\d+) \[remove_packages\] clay-doc$", log, re.M)
    said = re.findall(rf"^#{number} (.*)$", log, re.M)
    assert said[0] == "[remove_packages] clay-doc"
    assert [line for line in said[1:] if not line.startswith("DONE")] == []


def test_one_more_package_downloads_only_that(alpine: Alpine, tmp_path: Path) -> None:
    build(alpine, tmp_path, HEAD + "packages: [fresh-one]\n").check()
    assert "fresh-one-1.0-r0.apk" in alpine.downloads()
    build(alpine, tmp_path, HEAD + "packages: [fresh-one, fresh-two]\n").check()
    assert alpine.downloads() == ["fresh-two-1.0-r0.apk"]


def test_two_builds_give_the_same_bytes(alpine: Alpine, tmp_path: Path) -> None:
    text = HEAD + "packages: [nginx, clay-tool]\nrepositories: [{components: community}]\n"
    for name in ("one", "two"):
        build(alpine, tmp_path, text, "--no-cache", output=tmp_path / name).check()
    one, two = digests(tmp_path / "one"), digests(tmp_path / "two")
    assert {path for path in one.keys() | two.keys() if one.get(path) != two.get(path)} == set()
    assert any(path.endswith("lib/apk/db/installed") for path in one)


def test_what_apk_cannot_do_is_told_in_words(alpine: Alpine, tmp_path: Path) -> None:
    """One build for each: the message names the cause and the line, but no internals."""

    def fails(text: str, *args: str) -> tuple[str, list[int]]:
        return error(build(alpine, tmp_path, HEAD + text, *args))

    log, lines = fails("packages:\n  - nginx\n  - nginks\n  - clay-tol\n")
    assert "claylinux: nginks is not available: no repository of this system has it\n" in log
    assert "claylinux: clay-tol is not available: no repository of this system has it\n" in log
    assert "nginx is not available" not in log
    assert 4 in lines
    log, _ = fails("packages: [clay-tool=500-r0]\n")
    assert re.search(r"claylinux: clay-tool=500-r0 is not available: the repositories have 600-r0 608-r0 *\n", log)
    log, _ = fails("remove_packages: [nano]\n")
    assert "claylinux: nano cannot be removed: it is not installed" in log
    log, lines = fails("remove_packages: [musl]\n")
    assert "claylinux: musl cannot be removed: other packages depend on it" in log
    assert lines == [3]
    log, lines = fails("kernel:\n  flavor: cloud\n")
    assert '`flavor` of alpine-virt must be `lts`, `stable` or `virt`; got "cloud"' in log
    assert lines == [4]
    log, _ = fails("packages: [clay-tool]\n", "--network=none", "--no-cache")
    assert "claylinux: apk cannot read the package lists (see its output above): check the network" in log


def test_repositories_with_keys(alpine: Alpine, tmp_path: Path) -> None:
    """The key identifies another repository; without the key apk does not trust it."""
    project, directory = tmp_path / "project", tmp_path / "other"
    project.mkdir()
    directory.mkdir()
    key = SigningKey.make(directory, "acme@example.com-1.rsa.pub")
    packages = [Package(name="acme", files={"usr/bin/acme": File(content=b"#!/bin/sh\necho acme\n", mode=0o755)})]
    publish(packages, key, directory / "v1/main")
    with serve(directory) as (url, _):
        head = HEAD + f"packages: [acme]\nrun: [acme > /said]\nrepositories:\n  - url: {url}/v1\n    components: main\n"
        log, _ = error(build(alpine, tmp_path, head))
        assert "UNTRUSTED" in log
        assert "claylinux: apk cannot read the package lists" in log
        (project / key.name).write_bytes(key.public.read_bytes())
        tree = system(alpine, tmp_path, head + f"    key: {{source: {key.name}}}\n")
        assert (tree / "said").read_text() == "acme\n"
        assert f"{url}/v1/main\n" in (tree / "etc/apk/repositories").read_text()
        assert (tree / "etc/apk/keys" / key.name).read_bytes() == key.public.read_bytes()
        inline = f"    name: {key.name}\n    key: {json.dumps(key.public.read_text())}\n"
        build(alpine, tmp_path, head + inline).check()


def test_modules_of_alpine_are_chosen(alpine: Alpine, tmp_path: Path) -> None:
    """They end with .ko.gz, which Debian's depmod does not support: without lists there would be no drivers."""
    tree = system(alpine, tmp_path, HEAD + "kernel: {modules: {include: [virtio_net]}}\n")
    (modules,) = (tree / "lib/modules").iterdir()
    files = {str(path.relative_to(modules)) for path in modules.rglob("*.ko*")}
    listed = dict(line.split(":", 1) for line in (modules / "modules.dep").read_text().splitlines())
    assert listed.keys() == files
    assert "kernel/net/core/failover.ko.gz" in listed["kernel/drivers/net/virtio_net.ko.gz"]
    assert "kernel/fs/squashfs/squashfs.ko.gz" in files
    assert "kernel/drivers/block/virtio_blk.ko.gz" not in files
    assert b"kernel/drivers/net/virtio_net.ko.gz" in (modules / "modules.dep.bin").read_bytes()
    assert " virtio_net\n" in (modules / "modules.alias").read_text()


def test_a_mirror_that_answers_is_the_source(alpine: Alpine, tmp_path: Path) -> None:
    """Where no mirror is in reach, a server of ours is one, so that what the tests do with it works everywhere."""
    assert mirror_answers(alpine.engine, alpine.image)
    added = Package(name="only-here", files={"usr/share/only-here": File(content=b"here\n")})
    with serving(alpine.engine, tmp_path, alpine.image, [added], None, mirror=True) as found:
        alpine.asked.clear()
        no_cache = f"--build-arg=BUILDKIT_CACHE_MOUNT_NS={time.time_ns()}"
        system(found, tmp_path, f"{HEAD}packages: [chrony, only-here]\n", no_cache)
        assert found.downloads() == ["only-here-1.0-r0.apk"]
        assert {name.partition("-")[0] for name in alpine.downloads()} >= {"chrony", "linux"}
    with serve(tmp_path) as (url, _):
        text = f"FROM {alpine.image}\nRUN echo {url} > /etc/apk/repositories\n"
    (tmp_path / "silent").mkdir()
    (tmp_path / "silent/Dockerfile").write_text(text)
    alpine.engine.buildx(tmp_path / "silent", "--tag=claylinux-test/silent").check()
    assert not mirror_answers(alpine.engine, "claylinux-test/silent")
    alpine.engine.docker("rmi", "claylinux-test/silent")
