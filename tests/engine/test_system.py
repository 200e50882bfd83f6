"""The system that a build file describes, checked with `--target image` on a real engine."""

from __future__ import annotations

import os
import stat
import tarfile
import time
from pathlib import Path

import pytest

from tests.support.engine import BuildResult, Engine

pytestmark = pytest.mark.engine

HEAD = "# syntax=claylinux/frontend\n"
BASE = HEAD + "base: {image: debian:trixie}\n"


def build_tree(engine: Engine, tmp_path: Path, text: str, *args: str) -> Path:
    """Build the system of `text` and return the directory with its content; unlike a directory, a tar keeps owners."""
    archive, tree = tmp_path / "system.tar", tmp_path / "out"
    build(engine, tmp_path, text, "--target=image", f"--output=type=tar,dest={archive}", *args).check()
    with tarfile.open(archive) as tar:
        tar.extractall(tree, numeric_owner=True, filter="fully_trusted")
    return tree


def build(engine: Engine, tmp_path: Path, text: str, *args: str) -> BuildResult:
    project = tmp_path / "project"
    project.mkdir(parents=True, exist_ok=True)
    (project / "claylinux.yaml").write_text(text)
    return engine.buildx(project, *args)


def test_files_users_steps_and_names(engine: Engine, tmp_path: Path) -> None:
    """One build with most keys: the tree shows the effect of each."""
    project = tmp_path / "project"
    (project / "tree/sub").mkdir(parents=True)
    (project / "tree/sub/deep").write_text("deep\n")
    (project / "tree/ignored.pyc").write_text("x")
    (project / ".dockerignore").write_text("**/*.pyc\n")
    (project / "one.conf").write_text("one\n")
    tree = build_tree(
        engine,
        tmp_path,
        BASE
        + """
hostname: box.example
hosts: {registry.local: 10.0.0.5}
dns: {servers: [1.1.1.1, "2606:4700:4700::1111"], search: [example]}
users:
  - {name: op, uid: 1234, password: "*", groups: [adm], ssh_authorized_keys: [
      ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl op@example]}
files:
  /: {source: tree}
  /etc/one.conf: {source: one.conf, mode: "0600", owner: op}
  /etc/motd: "hi\\n"
  /usr/local/bin/suid: {content: "x", mode: "4755"}
  /srv/data: {directory: true, mode: "1777", owner: "op:adm"}
  /var/local: {directory: true, mode: "0700"}
  /etc/localtime: {symlink: /usr/share/zoneinfo/UTC}
run:
  - id -un op > /who; cat /etc/motd >> /who
  - {name: no network, script: "ls /sys/class/net > /net", network: none}
""",
    )
    assert (tree / "etc/hostname").read_text() == "box.example\n"
    hosts = (tree / "etc/hosts").read_text()
    assert "127.0.1.1\tbox.example box\n" in hosts
    assert "10.0.0.5\tregistry.local\n" in hosts
    assert (tree / "etc/resolv.conf").read_text() == (
        "nameserver 1.1.1.1\nnameserver 2606:4700:4700::1111\nsearch example\n"
    )
    assert (tree / "sub/deep").read_text() == "deep\n"
    assert not (tree / "ignored.pyc").exists()
    conf = (tree / "etc/one.conf").stat()
    assert (stat.S_IMODE(conf.st_mode), conf.st_uid, conf.st_gid) == (0o600, 1234, 1234)
    assert stat.S_IMODE((tree / "usr/local/bin/suid").stat().st_mode) == 0o4755
    data = (tree / "srv/data").stat()
    assert (stat.S_IMODE(data.st_mode), data.st_uid, data.st_gid) == (0o1777, 1234, 4)
    assert stat.S_IMODE((tree / "srv").stat().st_mode) == 0o755
    assert stat.S_IMODE((tree / "var/local").stat().st_mode) == 0o700
    assert (tree / "etc/localtime").readlink() == Path("/usr/share/zoneinfo/UTC")
    assert (tree / "who").read_text() == "op\nhi\n"
    assert (tree / "net").read_text() == "lo\n"
    keys = tree / "home/op/.ssh/authorized_keys"
    assert keys.read_text().endswith("op@example\n")
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert "op" in next(line for line in (tree / "etc/group").read_text().splitlines() if line.startswith("adm:"))


def test_packages_leave_no_trace_of_the_build(engine: Engine, tmp_path: Path) -> None:
    """The system contains the packages, but no logs, lists, downloads or secrets of the build machine.

    It also has no marks of systemd, because it does not contain systemd.
    """
    tree = build_tree(engine, tmp_path, BASE + "packages: [less]\n")
    assert (tree / "usr/bin/less").exists()
    assert list((tree / "var/cache/apt").rglob("*.deb")) == []
    assert not (tree / "var/log/dpkg.log").exists()
    assert not (tree / "usr/sbin/policy-rc.d").exists()
    assert not (tree / "etc/.updated").exists()
    assert [path.name for path in (tree / "run").iterdir() if "claylinux" in path.name] == []


def test_a_first_boot_is_done_with_unless_it_is_wanted(engine: Engine, tmp_path: Path) -> None:
    """Also in a custom base: the build does it, including `files`. If a step removes the marks, the machine does it."""
    text = BASE + "packages: [systemd]\nfiles: {/etc/sysusers.d/dropped.conf: 'u dropped -'}\n"
    tree = build_tree(engine, tmp_path / "done", text)
    marks = [tree / "etc/.updated", tree / "var/.updated"]
    assert all(mark.stat().st_mtime >= (tree / "usr").stat().st_mtime for mark in marks)
    assert (tree / "var/lib/systemd/catalog/database").stat().st_size > 100_000
    assert "dropped:!*:3652:" in (tree / "etc/shadow").read_text()
    assert [str(path) for path in (tree / "etc").iterdir() if path.name.endswith("-")] == []

    tree = build_tree(engine, tmp_path / "wanted", text + "run: [rm /etc/.updated /var/.updated]\n")
    assert "dropped" not in (tree / "etc/shadow").read_text()
    assert not (tree / "etc/.updated").exists()


def test_a_change_of_one_file_runs_no_package_step(engine: Engine, tmp_path: Path) -> None:
    """After a change in `files` the package step comes from the cache; without a change all steps do."""
    text = BASE + "packages: [less]\nfiles: {/etc/x: {source: x}}\n"
    (tmp_path / "project").mkdir()
    now = time.time_ns()  # a pid may repeat, and then hit the engine's cache from an earlier run
    (tmp_path / "project/x").write_text(f"{now}-1")
    build_tree(engine, tmp_path, text)
    (tmp_path / "project/x").write_text(f"{now}-2")
    changed = build(engine, tmp_path, text, "--target=image", f"--output={tmp_path / 'out'}").check()
    assert "[packages] less" in changed.cached
    assert "[files] /etc/x" in changed.executed
    os.utime(tmp_path / "project/x", (1, 1))
    same = build(engine, tmp_path, text, "--target=image", f"--output={tmp_path / 'out'}").check()
    assert [name for name in same.executed if name != "[base] debian:trixie"] == []


def test_named_contexts(engine: Engine, tmp_path: Path) -> None:
    """A base and files may come from --build-context."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "f").write_text("from other\n")
    tree = build_tree(
        engine,
        tmp_path,
        HEAD + "base: {context: start}\nfiles: {/g: {context: extra, source: f}}\n",
        f"--build-context=start={other}",
        f"--build-context=extra={other}",
    )
    assert (tree / "f").read_text() == (tree / "g").read_text() == "from other\n"


def test_no_cache_runs_everything_again(engine: Engine, tmp_path: Path) -> None:
    """--no-cache repeats all steps, --no-cache-filter the named ones."""
    text = BASE + "run: [{name: first, script: 'true'}, {name: second, script: 'true'}]\n"
    args = ("--target=image", f"--output={tmp_path / 'out'}")
    build(engine, tmp_path, text, *args).check()
    again = build(engine, tmp_path, text, "--no-cache", *args).check()
    assert [name for name in again.executed if name.startswith("[run")] == ["[run 1/2] first", "[run 2/2] second"]
    second = build(engine, tmp_path, text, "--no-cache-filter=second", *args).check()
    assert [name for name in second.executed if name.startswith("[run")] == ["[run 2/2] second"]


def test_the_image_exporter_gets_a_config(engine: Engine, tmp_path: Path) -> None:
    """--target image with -t gives a runnable image with the base's environment and our labels."""
    tag = f"claylinux-test/{os.getpid()}"
    build(engine, tmp_path, BASE, "--target=image", f"--tag={tag}", "--label=a=b").check()
    try:
        inspected = engine.docker("image", "inspect", "--format={{json .Config.Labels}} {{.Architecture}}", tag)
        assert inspected.split() == ['{"a":"b","org.opencontainers.image.title":"claylinux"}', "amd64"]
    finally:
        engine.docker("rmi", tag)


def test_a_build_file_named_dockerfile_needs_no_flag(engine: Engine, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "Dockerfile").write_text(HEAD + "base: {context: start}\nfiles: {/here: 'yes'}\n")
    out = tmp_path / "out"
    engine.buildx(project, "--target=image", f"--build-context=start={project}", output=out).check()
    assert (out / "here").read_text() == "yes"
