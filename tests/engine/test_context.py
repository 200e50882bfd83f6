"""Build contexts that are no directory: an archive on standard input, and a build file by its URL."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.engine.test_system import BASE
from tests.support.engine import Engine
from tests.support.web import Server

pytestmark = pytest.mark.engine


def build(engine: Engine, tmp_path: Path, *args: str, given: bytes = b"") -> tuple[str, str]:
    """Build with `given` on standard input; return the log, and what /opt/x of the system is."""
    output = f"--output=type=tar,dest={tmp_path / 'system.tar'}"
    argv = ["docker", "buildx", "build", "--progress=plain", "--target=image", output, *args]
    done = subprocess.run(argv, env=engine.env, input=given, stderr=subprocess.PIPE, check=False, timeout=600)
    log = done.stderr.decode()
    if done.returncode:
        return log, ""
    with tarfile.open(tmp_path / "system.tar") as system:
        file = system.extractfile("opt/x")
        assert file is not None
        return log, file.read().decode()


def archive(**files: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name.replace("__", "/"))
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return data.getvalue()


def test_an_archive_on_standard_input(engine: Engine, tmp_path: Path) -> None:
    """The client sends it only once, and the engine has read it to find `# syntax=`."""
    text = f"{BASE}files: {{/opt/x: {{source: sub/x}}}}\n"
    given = archive(Dockerfile=text, sub__x="from stdin")
    log, found = build(engine, tmp_path, "-", given=given)
    assert found == "from stdin", log


def test_a_build_file_on_standard_input(engine: Engine, tmp_path: Path) -> None:
    log, found = build(engine, tmp_path, "-", given=f"{BASE}files: {{/opt/x: alone}}\n".encode())
    assert found == "alone", log


def test_a_build_file_and_an_archive_by_url(engine: Engine, tmp_path: Path, web: Server) -> None:
    (tmp_path / "web/system.yaml").write_text(f"{BASE}files: {{/opt/x: by url}}\n")
    log, found = build(engine, tmp_path, f"{web.url}/system.yaml")
    assert found == "by url", log
    (tmp_path / "web/context.tgz").write_bytes(
        archive(Dockerfile=f"{BASE}files: {{/opt/x: {{source: sub/x}}}}\n", sub__x="in it")
    )
    log, found = build(engine, tmp_path, f"{web.url}/context.tgz")
    assert found == "in it", log
    (tmp_path / "web/wrong.yaml").write_text(f"{BASE}fils: {{}}\n")
    log, _ = build(engine, tmp_path, f"{web.url}/wrong.yaml")
    assert "wrong.yaml:3:1: unknown key `fils`: did you mean `files`?" in log
