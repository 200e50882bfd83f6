"""Links of the system below the paths of `files`, and links as their sources."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.engine.test_failures import failure
from tests.engine.test_system import BASE, build, build_tree
from tests.support.engine import Engine
from tests.support.web import Server

pytestmark = pytest.mark.engine


def test_directories_go_through_the_links_of_the_system(engine: Engine, tmp_path: Path, web: Server) -> None:
    """From each place that directories come from: Debian has the links /bin, /lib, /lib64 and /sbin."""
    project = tmp_path / "project"
    for name in ("bin/context", "lib/firmware/öne two", "lib64/context", "sbin/-x"):
        (project / "overlay" / name).parent.mkdir(parents=True, exist_ok=True)
        (project / "overlay" / name).write_text("1")
    with tarfile.open(tmp_path / "web/overlay.tgz", "w:gz") as archive:
        entry = tarfile.TarInfo("bin/url")
        entry.mode, entry.uid, entry.size = 0o750, 33, 1
        archive.addfile(entry, io.BytesIO(b"1"))
    work = tmp_path / "checkout"
    (work / "bin").mkdir(parents=True)
    (work / "bin/git").write_text("1")
    git = ["git", "-C", str(work), "-c", "user.name=t", "-c", "user.email=t@t.example"]
    for words in ("init -q -b main", "add .", "commit -qm x", f"clone -q --bare . {tmp_path}/web/tree.git"):
        subprocess.run([*git, *words.split()], check=True)
    subprocess.run(["git", "-C", str(tmp_path / "web/tree.git"), "update-server-info"], check=True)
    text = f"""{BASE}files:
  /: {{source: overlay}}
  /lib: {{image: debian:trixie, source: /usr/share/doc/bash}}
  /bin: {{url: {web.url}/overlay.tgz, unpack: true}}
  /sbin: {{context: more, source: .}}
  /lib64: {{git: "{web.url}/tree.git", source: bin}}
"""
    (tmp_path / "more").mkdir()
    (tmp_path / "more/named").write_text("1")
    tree = build_tree(engine, tmp_path, text, f"--build-context=more={tmp_path / 'more'}")
    assert [str((tree / name).readlink()) for name in ("bin", "lib", "lib64", "sbin")] == [
        "usr/bin", "usr/lib", "usr/lib64", "usr/sbin",
    ]  # fmt: skip
    for name in (
        "bin/context",
        "lib/firmware/öne two",
        "lib64/context",
        "sbin/-x",
        "lib/copyright",
        "sbin/named",
        "lib64/git",
    ):
        assert (tree / "usr" / name).is_file(), name
    found = (tree / "usr/bin/bin/url").stat()
    assert (found.st_mode & 0o777, found.st_uid) == (0o750, 33)
    assert (tree / "usr/bin/sh").exists(), "what the system has stays"


def test_a_whole_image_over_a_system_that_has_the_same_links(engine: Engine, tmp_path: Path) -> None:
    tree = build_tree(
        engine, tmp_path, f"{BASE}files: {{/: {{image: debian:trixie, source: .}}}}\nrun: [passwd -S root]"
    )
    assert str((tree / "bin").readlink()) == "usr/bin"
    assert (tree / "usr/bin/perl").stat().st_nlink == 2, "names of one file stay names of one file"
    assert (tree / "usr/bin/passwd").stat().st_mode & 0o4000


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ("/: {source: file}", "files: /: the source has a file bin, but the system has a directory /usr/bin, through"),
        ("/etc/passwd: {source: file}", "files: /etc/passwd: the source has a directory ., but the system has a file"),
        ("/bin: {source: file/bin}", "`files`: /bin cannot become a file, because it is a directory in the system"),
        ('/bin: "text"', "`files`: /bin cannot become a file, because it is a directory in the system"),
        (
            '/etc/passwd/x: "text"',
            "`files`: /etc/passwd/x cannot be made, because `/etc/passwd` is a file in the system",
        ),
        (
            "/etc/passwd/x: {source: file/bin}",
            "`files`: /etc/passwd/x cannot be made, because `/etc/passwd` is a file in the system",
        ),
    ],
)
def test_what_cannot_be_replaced(engine: Engine, tmp_path: Path, files: str, expected: str) -> None:
    (tmp_path / "project/file").mkdir(parents=True)
    (tmp_path / "project/file/bin").write_text("x")
    text = f"{BASE}files:\n  /etc/motd: hi\n  {files}\n"
    log = build(engine, tmp_path, text, "--target=image").log
    message, marked = failure(engine, tmp_path, text, "--target=image")
    assert expected in message + log
    assert (5, f"  {files}") in marked
    assert not any(word in log for word in ("overlay2/", "/merged", "buildkit-mount"))


def test_a_link_as_source_is_followed(engine: Engine, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "releases/1.2/bin").mkdir(parents=True)
    (project / "releases/1.2/bin/app").write_text("v12")
    (project / "conf").mkdir()
    links = {
        "current": "releases/1.2",
        "conf/x": "../releases/1.2/bin/app",
        "chain": "conf/x",
        "absolute": "/releases/1.2/bin/app",
        "key.pub": "keys/me.pub",
    }
    for name, target in links.items():
        (project / name).symlink_to(target)
    (project / "keys").mkdir()
    (project / "keys/me.pub").write_text(
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me"
    )
    text = f"""{BASE}users: [{{name: me, ssh_authorized_keys: [{{source: key.pub}}]}}]
files:
  /opt/directory: {{source: current}}
  /opt/through: {{source: current/bin/app}}
  /opt/file: {{source: conf/x}}
  /opt/chain: {{source: chain}}
  /opt/absolute: {{source: absolute}}
  /opt/inside: {{source: conf}}
  /opt/image: {{image: debian:trixie, source: /bin/sh}}
  /opt/release: {{image: debian:trixie, source: /etc/os-release}}
  /opt/keyrings: {{image: debian:trixie, source: /lib/tmpfiles.d}}
run:
  - {{script: cp /mnt/bin/app /opt/mounted, mounts: ["type=bind,source=current,target=/mnt"]}}
"""
    tree = build_tree(engine, tmp_path, text)
    for name in ("directory/bin/app", "through", "file", "chain", "absolute", "mounted"):
        assert not (tree / "opt" / name).is_symlink(), name
        assert (tree / "opt" / name).read_text() == "v12", name
    assert str((tree / "opt/inside/x").readlink()) == "../releases/1.2/bin/app", (
        "links in a directory stay, as with COPY"
    )
    assert (tree / "opt/image").stat().st_size > 50_000
    assert "Debian" in (tree / "opt/release").read_text()
    assert (tree / "opt/keyrings").is_dir()
    assert (tree / "home/me/.ssh/authorized_keys").read_text().endswith("me\n")


def test_links_that_lead_nowhere(engine: Engine, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name, target in (("broken", "nothing"), ("outside", "../../elsewhere"), ("loop", "loop")):
        (project / name).symlink_to(target)
    text = f"{BASE}files:\n  /a: {{source: broken}}\n  /b: {{source: outside}}\n  /c: {{source: loop}}\n"
    message, marked = failure(engine, tmp_path, text, "--target=image")
    for name, target in (("broken", "nothing"), ("outside", "../../elsewhere"), ("loop", "loop")):
        assert f"`{name}` is a link to `{target}`, which is not in the build context" in message
    assert [number for number, _ in marked] == [4, 5, 6]
