"""An image for registries: no layer of it has what belongs to one machine, however the system was made."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.test_system import BASE, HEAD, build
from tests.support.engine import Engine

pytestmark = pytest.mark.engine

KEY, ID, SEED = "-secret-key-", "0123456789abcdef0123456789abcdef", "-random-seed-"
MAKE = (
    f"umask 077; mkdir -p /etc/ssh /var/lib/systemd && echo {KEY} >/etc/ssh/ssh_host_rsa_key"
    f" && echo {ID} >/etc/machine-id && echo {SEED} >/var/lib/systemd/random-seed"
)
FORGET = "rm -f /etc/ssh/ssh_host_rsa_key /var/lib/systemd/random-seed; : >/etc/machine-id"
WORDS = "[image] make it one layer"


@pytest.fixture
def tag(engine: Engine) -> Iterator[str]:
    name = f"claylinux-test/image-{os.getpid()}"
    yield name
    engine.docker("rmi", "--force", name)


def layers(engine: Engine, tag: str, tmp_path: Path) -> list[dict[str, tuple[tarfile.TarInfo, bytes]]]:
    """Return the files in each layer of an image that has been built, by their paths."""
    engine.docker("save", f"--output={tmp_path / 'image.tar'}", tag)
    found = []
    with tarfile.open(tmp_path / "image.tar") as image:
        for member in image:
            content = image.extractfile(member)
            if content is None or member.name.endswith(".json"):
                continue
            try:
                with tarfile.open(fileobj=content) as layer:
                    found.append({each.name: (each, read(layer, each)) for each in layer})
            except tarfile.ReadError:
                pass  # a config
    return found


def read(layer: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = layer.extractfile(member) if member.isreg() and member.size < 1 << 16 else None
    return content.read() if content else b""


@pytest.mark.parametrize(
    ("text", "dockerfile"),
    [
        (f"{BASE}run: ['{MAKE}']\n", ""),
        (f"{BASE}run: ['{MAKE}', '{FORGET}']\n", ""),
        (f"{BASE}run: ['{MAKE}']\npackages: [less]\n", ""),
        (f"{HEAD}base: {{dockerfile: Dockerfile}}\n", f"RUN {MAKE}\n"),
        (f"{HEAD}base: {{dockerfile: Dockerfile}}\npackages: [less]\n", f"RUN {MAKE}\nRUN {FORGET}\n"),
        (f"{BASE}files: {{/: {{source: overlay}}}}\n", ""),
    ],
    ids=["run", "removed in a later run", "run and packages", "Dockerfile", "removed in a Dockerfile", "a tree"],
)
def test_no_layer_has_an_identity(engine: Engine, tmp_path: Path, tag: str, text: str, dockerfile: str) -> None:
    project = tmp_path / "project"
    (project / "overlay/etc/ssh").mkdir(parents=True)
    (project / "overlay/etc/ssh/ssh_host_rsa_key").write_text(KEY)
    (project / "Dockerfile").write_text(f"FROM debian:trixie\n{dockerfile}")
    built = build(engine, tmp_path, text, "--target=image", f"--tag={tag}").check()
    assert WORDS in (*built.executed, *built.cached)
    found = layers(engine, tag, tmp_path)
    assert len(found) == 1
    for path, (_, content) in found[0].items():
        assert not any(word.encode() in content for word in (KEY, ID, SEED)), path
    assert found[0]["usr/bin/dpkg"][0].mode & 0o111


def test_one_layer_is_the_same_system(engine: Engine, tmp_path: Path, tag: str) -> None:
    """Modes, owners, names of one file, capabilities and holes."""
    special = """\
      cp /bin/true /opt/setuid; chown 12:34 /opt/setuid; chmod 4751 /opt/setuid; ln /opt/setuid /opt/other
      ln -s nowhere /opt/link; mkfifo /opt/pipe; truncate -s 64M /opt/holes
      perl -e '$f = "/opt/setuid"; $n = "security.capability"; $v = pack("V5", 0x02000001, 1024, 0, 0, 0);
        syscall(188, $f, $n, $v, 20, 0) == 0 or die $!'
"""
    text = f"{BASE}run:\n  - {MAKE}\n  - |\n{special}"
    build(engine, tmp_path, text, "--target=image", f"--tag={tag}").check()
    [files] = layers(engine, tag, tmp_path)
    entries = {path: entry for path, (entry, _) in files.items() if path.startswith("opt/")}
    file = entries["opt/other"] if entries["opt/setuid"].islnk() else entries["opt/setuid"]
    assert (file.mode, file.uid, file.gid) == (0o4751, 12, 34)
    assert {entries["opt/setuid"].islnk(), entries["opt/other"].islnk()} == {True, False}
    assert "SCHILY.xattr.security.capability" in file.pax_headers
    assert entries["opt/link"].linkname == "nowhere"
    assert entries["opt/pipe"].isfifo()
    assert entries["opt/holes"].size == 64 << 20


def test_what_is_asked_for_stays_also_in_a_build_from_the_image(engine: Engine, tmp_path: Path, tag: str) -> None:
    text = f"{BASE}files: {{/etc/ssh/ssh_host_rsa_key: {{content: mine, mode: '0600'}}}}\n"
    built = build(engine, tmp_path, text, "--target=image", f"--tag={tag}").check()
    assert WORDS not in built.executed
    found = layers(engine, tag, tmp_path)
    assert len(found) > 1, "the layers stay"
    [listed] = [layer["boot/keep"][1] for layer in found if "boot/keep" in layer]
    assert listed == b"/etc/ssh/ssh_host_rsa_key\n"
    again = f"{HEAD}base: {{image: '{tag}'}}\npackages: [less]\n"
    build(engine, tmp_path, again, "--target=image", f"--output=type=tar,dest={tmp_path / 'again.tar'}").check()
    with tarfile.open(tmp_path / "again.tar") as tar:
        key = tar.extractfile("etc/ssh/ssh_host_rsa_key")
        assert key is not None
        assert key.read() == b"mine"


def test_a_key_of_an_unknown_place_is_a_warning_here_too(engine: Engine, tmp_path: Path) -> None:
    key = "-----BEGIN OPENSSH PRIVATE KEY-----"
    text = f"{BASE}run: [\"umask 077; mkdir -p /root/.ssh; echo '{key}' >/root/.ssh/id_rsa\"]\n"
    built = build(engine, tmp_path, text, "--target=image").check()
    assert "/root/.ssh/id_rsa is a private key" in built.log
