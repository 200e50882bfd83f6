"""Golden files: one graph for each kind of vertex, as `llb.dump` shows it.

`UPDATE_GOLDEN=1 pytest tests/unit/llb/test_golden.py` writes them anew; read the difference before committing it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

import llb
from llb import SourceRange
from tests.support.places import ROOT

GOLDEN = ROOT / "tests" / "golden" / "llb"
FILE = llb.SourceFile("claylinux.yaml", b"base: debian\nrun:\n  - make\n  - make install\n")
AMD64 = llb.Platform("linux", "amd64")


def base() -> llb.State:
    return llb.image("debian:trixie", platform=AMD64)


def context() -> llb.State:
    return llb.local("context", session_id="s1", shared_key_hint="context", name="[internal] load build context")


def image() -> llb.State:
    ref = "ghcr.io/a/b:1@sha256:" + "ab" * 32
    platform = llb.Platform("Linux", "aarch64", "v8")
    return llb.image(ref, platform=platform, resolve_mode="pull", location=SourceRange(1, 6, 1, 12))


def oci_layout() -> llb.State:
    return llb.oci_layout(
        "any@sha256:" + "cd" * 32, store_id="store", session_id="s1", platform=llb.Platform("linux", "arm")
    )


def local() -> llb.State:
    return llb.local(
        "context",
        session_id="s1",
        include_patterns=("src/**",),
        exclude_patterns=("*.o", "!keep.o", "ü"),
        follow_paths=("src", 'a"b'),
        shared_key_hint="context:src",
        differ="none",
        unique="u1",
    )


def http() -> llb.State:
    checksum = "sha256:" + "00" * 32
    return llb.http("https://host/f.tar", checksum=checksum, filename="f", mode=0o640, uid=0, gid=5)


def git() -> llb.State:
    return llb.git("https://host/group/project.git", ref="v1", subdir="docs", checksum="0" * 40, keep_git_dir=True)


def git_ssh() -> llb.State:
    return llb.git("git@host:project.git", known_ssh_hosts="host ssh-ed25519 AAAA")


def exec_plain() -> llb.State:
    return llb.execute(base(), ["/bin/sh", "-c", "make"]).root


def exec_mounts() -> llb.State:
    system = base()
    result = llb.execute(
        system,
        ["make", "install"],
        env=(("PATH", "/bin"), ("A", "1"), ("PATH", "/usr/bin")),
        cwd="/src/",
        user="builder:users",
        network="none",
        mounts=(
            llb.Ssh(optional=True, uid=3, gid=4, mode=0o660),
            llb.Secret(target="/run/secrets/key", id="key", uid=1, gid=2, mode=0o440),
            llb.Tmpfs(target="/tmp", size=1 << 20),
            llb.Tmpfs(target="/run"),
            llb.Bind(target="/src", source=context(), selector="/project"),
            llb.Bind(target="/out", source=llb.scratch(), readonly=False),
            llb.Bind(target="/base", source=system),
            llb.Bind(target="/waste", source=system, readonly=False, keep=False),
            llb.Cache(target="/cache", id="ccache", sharing="private"),
            llb.Cache(target="/downloads", id="dl", sharing="locked", source=context(), selector="/seed"),
        ),
        secret_env=(llb.SecretEnv(name="TOKEN", id="token", optional=True),),
        name="install",
        location=(SourceRange(3, 4, 3, 8), SourceRange(4, 4, 4, 16)),
        ignore_cache=True,
        progress_group=llb.ProgressGroup("g1", "run", weak=True),
    )
    return result.mount("/out")


def exec_readonly_root() -> llb.State:
    result = llb.execute(
        base(),
        ["imager"],
        readonly_root=True,
        network="host",
        mounts=(llb.Bind(target="/out", source=llb.scratch(), readonly=False),),
        extra_hosts=(("mirror", "10.0.0.1"),),
        hostname="builder",
        ulimits=(("nofile", 1024, 2048),),
        cgroup_parent="/slice",
        proxy=llb.Proxy(http="http://proxy:3128", no="localhost"),
        valid_exit_codes=(0, 3),
    )
    return result.mount("/out")


def file_actions() -> llb.State:
    return llb.edit(
        base(),
        llb.Mkdir("/etc/app", mode=0o700, owner=llb.Owner(0), timestamp_ns=0),
        llb.Mkfile("/etc/app/motd", "grüß\n".encode(), owner=llb.Owner("app", "adm"), timestamp_ns=10**18),
        llb.Mkfile("/etc/app/blob", b"\x00\xff"),
        llb.Symlink("../app/motd", "/etc/motd", owner=llb.Owner(0, "adm")),
        llb.Copy(context(), "/a", "/b"),
        llb.Copy(
            llb.execute(base(), ["make"]).root,
            "/srv/./*.txt",
            "/srv//www/",
            mode=0o644,
            owner=llb.Owner("www-data", 33),
            create_dest_path=False,
            dir_contents=True,
            follow_symlinks=True,
            allow_wildcard=True,
            allow_empty_wildcard=True,
            attempt_unpack=True,
            replace_existing=True,
            include_patterns=("*.txt",),
            exclude_patterns=("x*",),
            required_paths=("index.txt",),
            timestamp_ns=5,
        ),
        llb.Copy(context(), "/tools", "/usr/bin/", mode="a+x"),
        llb.Rm("/var/cache/*", allow_not_found=True, allow_wildcard=True),
        name="files",
    )


def merge() -> llb.State:
    left = llb.execute(base(), ["a"]).root
    return llb.merge([left, llb.scratch(), context(), left], name="merged")


def diff() -> llb.State:
    return llb.diff(base(), llb.execute(base(), ["a"]).root, name="what a did")


def empty_lower_and_upper() -> llb.State:
    return llb.diff(base(), llb.scratch())


def foreign() -> llb.State:
    other = llb.SourceFile("Dockerfile", b"FROM debian:trixie\nRUN x\n", "Dockerfile")
    theirs = llb.marshal(llb.execute(base(), ["x"], name="RUN x", location=SourceRange(2, 0, 2, 5)).root, other).to_pb()
    spliced = llb.from_definition(theirs)
    return llb.execute(spliced, ["y"], name="ours", location=SourceRange(3, 4, 3, 8)).root


CASES: tuple[Callable[[], llb.State], ...] = (
    image,
    oci_layout,
    local,
    http,
    git,
    git_ssh,
    exec_plain,
    exec_mounts,
    exec_readonly_root,
    file_actions,
    merge,
    diff,
    empty_lower_and_upper,
    foreign,
)


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_dump(make: Callable[[], llb.State]) -> None:
    text = llb.dump(llb.marshal(make(), FILE))
    path = GOLDEN / f"{make.__name__}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {make.__name__ for make in CASES}


def fingerprint() -> str:
    """Return a digest of the bytes of all cases."""
    total = hashlib.sha256()
    for make in CASES:
        total.update(llb.marshal(make(), FILE).to_pb().SerializeToString(deterministic=True))
    return total.hexdigest()


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_hash_seed() -> None:
    code = "from tests.unit.llb import test_golden as t; print(t.fingerprint())"
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "4242")
    ]
    results = [run.communicate(timeout=60)[0].strip() for run in runs]
    assert results == [fingerprint()] * 2
