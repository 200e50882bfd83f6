"""Fetch and unpack the engine's Debian packages without touching the host's package state."""

import os
import shutil
import subprocess
from pathlib import Path

from localengine.errors import EngineError
from localengine.say import say

# No runc here: trixie's needs a newer glibc than Debian 12 has, and build steps then fail with a bare
# `exit code: 1`. runc and iptables belong to the host.
PACKAGES = ("containerd", "docker-buildx", "docker-cli", "docker-compose", "docker.io", "tini")
HOST_TOOLS = {"runc": "runc", "iptables": "iptables", "ip": "iproute2"}
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def host_mirror() -> str:
    """The Debian mirror that the host's own apt uses, whatever the style of its source lists."""
    asked = _run(
        ["apt-get", "indextargets", "--format", "$(CREATED_BY) $(REPO_URI) $(RELEASE) $(COMPONENT)"],
        "apt-get, which the engine is fetched with, does not work here",
    )
    names = (_codename(), "stable", "testing", "sid", "unstable")
    rows = [line.split() for line in asked.splitlines()]
    mirrors = [row[1] for row in rows if row[0] == "Packages" and row[2] in names and row[3:] == ["main"]]
    if not mirrors:
        raise EngineError(
            "no Debian mirror in this machine's apt sources: start a Docker Engine yourself and set DOCKER_HOST"
        )
    return mirrors[0]


def install_host_tools() -> None:
    """Install runc, iptables and ip from the host's own distribution where they are missing."""
    missing = sorted(package for tool, package in HOST_TOOLS.items() if not on_host(tool))
    if not missing:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        raise EngineError(f"{', '.join(missing)} is missing; as root run: {' '.join(command)}")
    say(f"installing {', '.join(missing)} (apt)")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run(command, env=env, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        _run(["apt-get", "update"], "the host's package lists cannot be updated")
        _run(command, f"{', '.join(missing)} cannot be installed")


def on_host(tool: str) -> str | None:
    """The path of a host program; sbin counts although a user's PATH may lack it."""
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")


def unpack(suite: str, prefix: Path) -> None:
    """Make `prefix` hold the packages of `suite`; nothing is done when it does already."""
    if prefix.is_dir():
        return
    work = prefix.with_name(f"{prefix.name}.part")
    shutil.rmtree(work, ignore_errors=True)
    (work / "debs").mkdir(parents=True)
    _download(suite, work)
    for deb in sorted((work / "debs").glob("*.deb")):
        say(f"unpacking {deb.name.removesuffix('.deb')}")
        _run(["dpkg", "-x", str(deb), str(work / "root")], f"{deb.name} cannot be unpacked")
    versions = "".join(f"{deb.stem}\n" for deb in sorted((work / "debs").glob("*.deb")))
    (work / "root" / "packages.txt").write_text(versions)
    (work / "root").rename(prefix)
    shutil.rmtree(work)


def _download(suite: str, work: Path) -> None:
    mirror = host_mirror()
    say(f"fetching Docker Engine from Debian {suite} ({mirror})")
    sources = work / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n")
    for folder in ("lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State::Lists": work / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": work / "cache",
        # The folders belong to the caller; apt's own user could not write there.
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    apt = ["apt-get", "-q", *(f"-o{name}={value}" for name, value in settings.items())]
    hint = f"Debian {suite} cannot be fetched from {mirror}: is the network there?"
    _run([*apt, "update"], hint)
    _run([*apt, "download", *PACKAGES], hint, cwd=work / "debs")


def _codename() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return ""


def _run(argv: list[str], hint: str, cwd: Path | None = None) -> str:
    """Standard output of a command; on failure its last words under our hint."""
    try:
        done = subprocess.run(argv, cwd=cwd, text=True, capture_output=True, check=False)
    except FileNotFoundError:
        raise EngineError(f"{hint} ({argv[0]} is missing)") from None
    if done.returncode != 0:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise EngineError(f"{hint}\n{last}")
    return done.stdout
