"""The Debian machine that we run on: its programs, its packages, its mirror."""

import os
import shutil
from pathlib import Path

from localengine.commands import run, watch
from localengine.errors import EngineError
from localengine.say import say

# What an engine needs of the host. runc is not taken from another release: trixie's needs a newer glibc
# than Debian 12 has, and build steps then fail with a bare `exit code: 1`.
HOST_TOOLS = {"runc": "runc", "iptables": "iptables", "ip": "iproute2"}


def host_mirror() -> str:
    """The Debian mirror that the host's own apt uses, whatever the style of its source lists."""
    asked = run(
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
    """Have runc, iptables and ip on the host."""
    install_host_packages(sorted(package for tool, package in HOST_TOOLS.items() if not on_host(tool)))


def install_host_packages(packages: list[str]) -> None:
    """Install packages of the host's own distribution."""
    if not packages:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    names = ", ".join(packages)
    if os.geteuid() != 0:
        raise EngineError(f"{names} is missing; as root run: {' '.join(command)}")
    say(f"installing {names} (apt)")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        watch(command, "", env=env)
    except EngineError:
        # Most often the package lists are missing or too old.
        watch(["apt-get", "update"], "the host's package lists cannot be updated")
        watch(command, f"{names} cannot be installed", env=env)


def on_host(tool: str) -> str | None:
    """The path of a host program; sbin counts although a user's PATH may lack it."""
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")


def _codename() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return ""
