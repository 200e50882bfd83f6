"""Content from outside of the build file: files of every kind, mounts of run steps, a Dockerfile as the base."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.test_failures import failure
from tests.engine.test_system import BASE, HEAD, build, build_tree
from tests.support.engine import Engine, unavailable
from tests.support.web import TOKEN, Server

pytestmark = pytest.mark.engine

ASK_AGENT = (
    "perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un($ENV{SSH_AUTH_SOCK})) or die $!;"
    ' syswrite S, "\\0\\0\\0\\1\\x0b"; sysread S, $b, 4; sysread S, $b, unpack("N", $b); print $b\''
)
"""Asks an ssh agent for its keys (draft-miller-ssh-agent, section 3.5); the answer contains their comments."""


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """Yield the socket of an ssh agent with one key, whose comment is `test-key`."""
    if not shutil.which("ssh-agent"):
        unavailable("there is no ssh-agent on this machine")
    socket, key = tmp_path / "agent", tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test-key", "-f", str(key)], check=True)
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not socket.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        subprocess.run(["ssh-add", "-q", str(key)], env={**os.environ, "SSH_AUTH_SOCK": str(socket)}, check=True)
        yield socket
    finally:
        process.terminate()
        process.wait(timeout=10)


def test_files_from_images_urls_and_git(engine: Engine, tmp_path: Path, web: Server) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    checksum = hashlib.sha256((tmp_path / "web/tool").read_bytes()).hexdigest()
    text = f"""{BASE}files:
  /srv/passwd: {{image: debian:trixie, source: /etc/passwd, mode: "0600", owner: "7:8"}}
  /srv/apt: {{image: debian:trixie, source: etc/apt}}
  /srv/tool: {{url: {web.url}/tool, checksum: sha256:{checksum}, mode: "4755"}}
  /srv/plain: {{url: {web.url}/tool}}
  /srv/pack: {{url: {web.url}/pack.tgz, unpack: true, owner: www-data}}
  /srv/v1: {{git: {web.url}/git/site.git#v1:public, source: .}}
  /srv/page: {{git: {web.url}/git/site.git#two, source: public/page}}
"""
    args = (f"--secret=id=GIT_AUTH_TOKEN,src={token}",)
    tree = build_tree(engine, tmp_path, text, *args)
    passwd = (tree / "srv/passwd").stat()
    assert (stat.S_IMODE(passwd.st_mode), passwd.st_uid, passwd.st_gid) == (0o600, 7, 8)
    assert (tree / "srv/apt/apt.conf.d").is_dir()
    assert stat.S_IMODE((tree / "srv/tool").stat().st_mode) == 0o4755
    assert stat.S_IMODE((tree / "srv/plain").stat().st_mode) == 0o644
    assert (tree / "srv/tool").read_text() == (tree / "srv/plain").read_text() == "#!/bin/sh\necho tool\n"
    unpacked = (tree / "srv/pack/pack/run.sh").stat()
    assert (stat.S_IMODE(unpacked.st_mode), unpacked.st_uid) == (0o755, 33)
    assert ((tree / "srv/v1/page").read_text(), (tree / "srv/page").read_text()) == ("one", "two")
    assert not (tree / "srv/v1/.git").exists()
    assert {path.stat().st_mtime for path in (tree / "srv").glob("*[!k]")} == {315532800}
    again = build(engine, tmp_path, text, "--target=image", *args).check()
    assert [name for name in again.cached if name.startswith("[files] /")], again.log


def test_mounts_of_run_steps(engine: Engine, tmp_path: Path, agent: Path) -> None:
    project = tmp_path / "project"
    (project / "plugins").mkdir(parents=True)
    (project / "plugins/one").write_text("1\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/tool").write_text("tool\n")
    (tmp_path / "token").write_text("s3cret")
    cache = f"test-{os.getpid()}-{time.monotonic_ns()}"
    text = f"""{BASE}run:
  - name: everything
    script: |
      {{ cat /src/one /from/tool; touch /src/thrown-away; ls /tool | grep -x passwd
      echo "$TOKEN $(stat -c %a:%u /root/token) $(cat /root/token) $(test -e /run/secrets/none || echo none)"
      grep ' /scratch ' /proc/mounts | grep -o size=1024k
      stat -c %a:%u:%g /own; ! touch /start/x 2>/dev/null; cat /start/tool
      echo x >> /cache/times; wc -l < /cache/times; }} > /log  # 1
      {ASK_AGENT} > /agent
    mounts:
      - source=plugins,target=/src,rw
      - type=bind,from=other,target=/from
      - from=debian:trixie,src=/etc,dst=/tool
      - type=tmpfs,target=/scratch,size=1m
      - type=cache,id={cache},target=/cache
      - type=cache,id={cache}-own,target=/own,mode=0700,uid=5,gid=6
      - type=cache,id={cache}-start,target=/start,from=other,ro
      - type=secret,id=token,env=TOKEN,target=/root/token,mode=0440,uid=9,required
      - type=secret,id=none
      - type=ssh,required
  - {{name: nothing stays, script: "ls / /root /run > /left"}}
"""
    given = (f"--build-context=other={tmp_path}/other", f"--secret=id=token,src={tmp_path}/token")
    args = (*given, f"--ssh=default={agent}")
    tree = build_tree(engine, tmp_path, text, *args)
    expected = ["1", "tool", "passwd", "s3cret 440:9 s3cret none", "size=1024k", "700:5:6", "tool"]
    assert (tree / "log").read_text().splitlines() == [*expected, "1"]
    assert b"test-key" in (tree / "agent").read_bytes()
    left = (tree / "left").read_text().split()
    assert not {"src", "from", "tool", "scratch", "cache", "own", "start", "token", "secrets"} & set(left)
    shutil.rmtree(tree)
    tree = build_tree(engine, tmp_path, text.replace("# 1", "# 2"), *args)
    assert (tree / "log").read_text().splitlines()[-1] == "2", "the cache must survive between two builds"


DOCKERFILE = """\
# syntax=example.invalid/never-asked
ARG DEBIAN=none
FROM debian:${DEBIAN} AS tools
RUN --mount=type=secret,id=token,required cp /run/secrets/token /token
FROM debian:${DEBIAN} AS rootfs
ARG COLOR=none
ARG SIZE=none
ENV FLAVOR=vanilla
COPY --from=tools /token /from-secret
COPY --from=other / /from-other
COPY page* /
RUN echo $COLOR $SIZE > /color
FROM rootfs
RUN echo in the last stage; exit 4
"""


def test_a_dockerfile_is_the_base(engine: Engine, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "docker").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").write_text("other\n")
    (tmp_path / "token").write_text("s3cret")
    (project / "docker/System").write_text(DOCKERFILE)
    (project / ".dockerignore").write_text("docker\n")
    (project / "docker/System.dockerignore").write_text("page.bak\n")
    (project / "page").write_text("page\n")
    (project / "page.bak").write_text("old\n")
    base = "dockerfile: docker/System, args: {DEBIAN: trixie, COLOR: blue, SIZE: small}"
    rest = 'files: {/etc/motd: "hi\\n"}\nrun: ["echo $FLAVOR > /flavor"]\n'
    args = (f"--build-context=other={tmp_path}/other", f"--secret=id=token,src={tmp_path}/token")
    text = f"{HEAD}base: {{{base}, target: rootfs}}\n{rest}"
    tree = build_tree(engine, tmp_path, text, *args, "--build-arg=SIZE=large")
    names = ("from-secret", "from-other/file", "page", "color", "flavor", "etc/motd")
    assert [(tree / name).read_text().strip() for name in names] == [
        "s3cret", "other", "page", "blue large", "vanilla", "hi",
    ]  # fmt: skip
    assert not (tree / "page.bak").exists()

    message, marked = failure(engine, tmp_path, f"{HEAD}base: {{{base}}}\n{rest}", "--target=image", *args)
    assert "RUN echo in the last stage; exit 4 failed with exit code 4" in message
    assert (14, "RUN echo in the last stage; exit 4") in marked
    message, marked = failure(engine, tmp_path, text, "--target=image", "--no-cache", args[0])
    assert "needs the secret `token`: pass it with --secret id=token" in message
    assert (4, "RUN --mount=type=secret,id=token,required cp /run/secrets/token /token") in marked
    (project / "docker/System").write_text("FROM debian:trixie\nRUNN x\n")
    message, marked = failure(engine, tmp_path, text, *args)
    assert ("unknown instruction: RUNN" in message, marked) == (True, [(2, "RUNN x")])
    line = f"base: {{{base}, target: rootfs}}"
    for content, problem in (
        ("FROM debian:trixie AS other\n", "`base`: docker/System: target stage "),
        ("FROM scratch AS rootfs\n", "`base`: docker/System gives an empty system"),
        (None, "`base`: docker/System: no such file in the build context"),
    ):
        (project / "docker/System").unlink() if content is None else (project / "docker/System").write_text(content)
        message, marked = failure(engine, tmp_path, text, *args)
        assert (problem in message, marked) == (True, [(2, line)]), message


def test_what_is_missing_is_told_at_its_line(engine: Engine, tmp_path: Path, web: Server) -> None:
    message, marked = failure(
        engine,
        tmp_path,
        f"""{BASE}files:
  /a: {{image: debian:trixie, source: etc/paswd}}
  /b: {{git: {web.url}/git/site.git, source: public/page}}
  /c: {{image: "debian:no-such-tag", source: etc}}
run:
  - script: ls
    mounts:
      - source=plugins,target=/a
      - from=no-such-context,target=/b
""",
        "--target=image",
    )
    assert "/a: `etc/paswd` is not in the image `debian:trixie`: did you mean `etc/passwd`?" in message
    assert "--secret id=GIT_AUTH_TOKEN" in message
    assert "image `debian:no-such-tag`" in message
    assert "`run`: mount at /a: `plugins` is not in the build context" in message
    assert "no build context is named `no-such-context`, and image `no-such-context`" in message
    assert [number for number, _ in marked] == [4, 5, 6, 10, 11]


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("run: [{script: ls, mounts: ['type=secret,id=a,required']}]", "needs the secret `a`: pass it with --secret"),
        ("run: [{script: ls, mounts: ['type=secret,id=a,env=A,required']}]", "needs the secret `a`"),
        ("run: [{script: ls, mounts: ['type=ssh,required']}]", "needs the SSH agent `default`: pass it with --ssh"),
        ("files: {/a: {url: '%s/none'}}", "404"),
        (f"files: {{/a: {{url: '%s/tool', checksum: 'sha256:{'1' * 64}'}}}}", f"not sha256:{'1' * 64}: check the URL"),
    ],
)
def test_a_step_that_cannot_start_says_why(
    engine: Engine, tmp_path: Path, web: Server, step: str, problem: str
) -> None:
    step = step.replace("%s", web.url)
    message, marked = failure(engine, tmp_path, f"{BASE}{step}\n", "--target=image")
    assert problem in message
    assert "cache key" not in message
    assert marked == [(3, step)]
