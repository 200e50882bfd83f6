"""Digests of files, and of directories as git has them."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from imager.rootfs.root import Root
from imager.sbom import digests


def git(directory: Path, *args: str) -> str:
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    command = ["git", "-c", "core.fileMode=true", *args]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=True).stdout


def test_a_directory_has_the_name_that_git_gives_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a/deep").mkdir(parents=True)
    (tree / "a.b").write_text("sorts before a/")
    (tree / "a/program").write_bytes(b"\0" * 3_000_000)
    (tree / "a/program").chmod(0o755)
    (tree / "a/deep/empty").touch()
    (tree / "link").symlink_to("/etc/passwd")
    (tree / "ü").write_text("a name")
    before = digests.of_directory(Root(tmp_path), "tree")
    git(tree, "init", "--quiet")
    git(tree, "add", "--all")
    assert before == f"swh:1:dir:{git(tree, 'write-tree').strip()}"
    (tree / "a/program").chmod(0o644)
    assert digests.of_directory(Root(tree), "a") != digests.of_directory(Root(tmp_path), "tree/a/deep")


def test_an_empty_directory() -> None:
    """The tree that every git repository knows."""
    assert digests.of_directory(Root(Path("/nonexistent")), "x") == "swh:1:dir:4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    os.mkfifo(tmp_path / "pipe")
    assert digests.of_file(Root(tmp_path), "file") == hashlib.sha256(b"content").hexdigest()
    assert digests.of_file(Root(tmp_path), "pipe") == digests.of_file(Root(tmp_path), "none") == ""


def test_the_most_bytes_that_get_a_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/one").write_bytes(b"123")
    assert digests.of_file(Root(tmp_path), "a/one", 3) == hashlib.sha256(b"123").hexdigest()
    assert digests.of_file(Root(tmp_path), "a/one", 2) == ""
    monkeypatch.setattr(digests, "LIMIT", 3)
    assert digests.of_directory(Root(tmp_path), "a") == "swh:1:dir:" + git_tree({"one": b"123"})
    (tmp_path / "a/two").write_bytes(b"4")
    assert digests.of_directory(Root(tmp_path), "a") == "", "together they have more"


def git_tree(files: dict[str, bytes]) -> str:
    """Return what git calls a tree of files, which are in its order."""
    entries = b"".join(
        f"100644 {name}\0".encode() + hashlib.sha1(f"blob {len(data)}\0".encode() + data).digest()
        for name, data in files.items()
    )
    return hashlib.sha1(f"tree {len(entries)}\0".encode() + entries).hexdigest()


def test_a_system_fits_into_the_limit_and_no_more() -> None:
    """A digest of more would take a minute and more, of a file that nobody can boot."""
    assert digests.LIMIT == 1 << 32


def test_what_seems_to_have_terabytes_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(digests.LIMIT + 1)
    assert digests.of_file(Root(tmp_path), "holes") == ""
    assert digests.of_directory(Root(tmp_path), ".") == ""


def test_what_is_no_file_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    before = digests.of_directory(Root(tmp_path), ".")
    os.mkfifo(tmp_path / "pipe")
    assert digests.of_directory(Root(tmp_path), ".") == before


@pytest.mark.parametrize("depth", [200])
def test_deep_directories(tmp_path: Path, depth: int) -> None:
    (tmp_path / "/".join("d" * depth)).mkdir(parents=True)
    assert digests.of_directory(Root(tmp_path), ".").startswith("swh:1:dir:")
