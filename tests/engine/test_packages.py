"""Debian's package manager on a real engine with the host's own mirror."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from localengine.host import host_mirror
from tests.engine.test_system import HEAD, build, build_tree
from tests.support.engine import Engine, unavailable

pytestmark = pytest.mark.engine

BASE = HEAD + "base: {image: debian:trixie}\n"
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def test_repositories_keys_and_removals(engine: Engine, tmp_path: Path) -> None:
    """More components, a repository with its key, microcode from Debian's own component, a removal."""
    if not KEYS.exists():
        unavailable(f"{KEYS} is not installed")
    (tmp_path / "project").mkdir()
    shutil.copy(KEYS, tmp_path / "project/debian.gpg")
    tree = build_tree(
        engine,
        tmp_path,
        BASE
        + f"""\
repositories:
  - components: [contrib]
  - {{url: "{host_mirror()}", name: next, suites: bookworm, key: {{source: debian.gpg}}}}
packages: [less, hello/bookworm]
remove_packages: [less]
kernel: {{microcode: amd}}
""",
    )
    stanza = (tree / "etc/apt/sources.list.d/next.sources").read_text().splitlines()
    assert stanza[2:] == ["Suites: bookworm", "Components: main", "Signed-By: /etc/apt/keyrings/next.gpg"]
    own = "".join(path.read_text() for path in (tree / "etc/apt").glob("sources.list*") if path.is_file())
    own += "".join(path.read_text() for path in (tree / "etc/apt/sources.list.d").glob("debian.sources"))
    assert "contrib" in own
    assert "non-free-firmware" in own
    assert (tree / "usr/bin/hello").exists()
    assert not (tree / "usr/bin/less").exists()
    assert (tree / "var/lib/dpkg/info/amd64-microcode.list").exists()


def test_what_apt_cannot_do_is_told_in_words(engine: Engine, tmp_path: Path) -> None:
    def log_of(text: str) -> str:
        result = build(engine, tmp_path, BASE + text, "--target=image")
        assert result.returncode != 0
        return result.log

    log = log_of("packages: [less=1-1, lesss]\n")
    assert "claylinux: lesss is not available: no repository of this system has it\n" in log
    assert "claylinux: less=1-1 is not available: the repositories have " in log
    assert "claylinux: libc6 cannot be removed: other packages depend on it" in log_of("remove_packages: [libc6]\n")
    assert "claylinux: nano cannot be removed: it is not installed" in log_of("remove_packages: [nano]\n")
    (tmp_path / "project/key").write_bytes(b"no key")
    log = log_of(f"packages: [less]\nrepositories: [{{url: '{host_mirror()}', suites: sid, key: {{source: key}}}}]\n")
    assert "claylinux: apt cannot read the package lists" in log


def test_systemd_has_no_runlevels(engine: Engine, tmp_path: Path) -> None:
    text = BASE + "packages: [systemd-sysv]\nservices: {systemd-networkd: boot}\n"
    result = build(engine, tmp_path, text, "--target=image")
    assert result.returncode != 0
    assert "services: systemd-networkd: systemd has no runlevels: write true instead of boot" in result.log
