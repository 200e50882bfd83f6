"""The Debian host: its programs, its packages, its mirror."""

import os
import shutil
from pathlib import Path

from localengine.commands import run, watch
from localengine.errors import EngineError
from localengine.say import say

# The host programs that an engine needs. runc comes from the host's own release: that of trixie needs a newer glibc
# than Debian 12 has, and build steps would fail with nothing but `exit code: 1`.
HOST_TOOLS = {"runc": "runc", "iptables": "iptables", "ip": "iproute2"}


def host_mirror() -> str:
    """Return the Debian mirror of the host's own apt, in any style of source lists."""
    asked = run(
        ["apt-get", "indextargets", "--format", "$(CREATED_BY) $(REPO_URI) $(RELEASE) $(COMPONENT)"],
        "cannot use apt-get to download the engine",
    )
    names = (_codename(), "stable", "testing", "sid", "unstable")
    rows = [line.split() for line in asked.splitlines()]
    mirrors = [row[1] for row in rows if row[0] == "Packages" and row[2] in names and row[3:] == ["main"]]
    if not mirrors:
        raise EngineError(
            "apt on this machine has no Debian mirror: start a Docker Engine yourself and set DOCKER_HOST"
        )
    return mirrors[0]


def install_host_tools() -> None:
    """Install runc, iptables and ip on the host."""
    install_host_packages(sorted(package for tool, package in HOST_TOOLS.items() if not find_on_host(tool)))


def install_host_packages(packages: list[str]) -> None:
    """Install packages of the host's own distribution."""
    if not packages:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    names = ", ".join(packages)
    if os.geteuid() != 0:
        raise EngineError(f"missing packages {names}: as root, run {' '.join(command)}")
    say(f"installing {names} (apt)")
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        watch(command, "", env=env)
    except EngineError:
        # The usual reason is that the package lists are missing or outdated.
        watch(["apt-get", "update"], "cannot update the host's package lists")
        watch(command, f"cannot install {names}", env=env)


def find_on_host(tool: str) -> str | None:
    """Return the path of a host program; this includes sbin, which may be missing from a user's PATH."""
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")


def _codename() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.partition("=")[2].strip('"')
    return ""
