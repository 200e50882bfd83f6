"""Debian's package manager, made quiet, cached and reproducible."""

from __future__ import annotations

import shlex

import llb

from .family import PackageStep

_WORK = "/run/claylinux-apt"
"""Where apt keeps lists and downloads during a build. /run is never part of an image."""

_OPTIONS = (
    f"Dir::State::Lists={_WORK}/lists",
    f"Dir::Cache={_WORK}/cache",
    "APT::Keep-Downloaded-Packages=true",
    "APT::Install-Recommends=false",
    "APT::Sandbox::User=root",  # the cache mounts belong to root
    "Acquire::Languages=none",
    "Acquire::Retries=3",
    "Dpkg::Use-Pty=false",
    "Dpkg::Options::=--force-confold",
)

# Package scripts must neither start daemons in a build step, nor build an initramfs of their own: ours replaces it.
_POLICY = "/usr/sbin/policy-rc.d"
_ENV = (("DEBIAN_FRONTEND", "noninteractive"), ("DEBCONF_NONINTERACTIVE_SEEN", "true"), ("INITRD", "No"))

# What differs from build to build (times, random numbers, host names) is no part of the packages.
_CLEAN = """\
rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/log/bootstrap.log \\
  /var/log/fontconfig.log /var/log/faillog /var/log/lastlog /var/log/journal/* /var/log/*.gz \\
  /var/cache/apt/*.bin /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old /var/lib/dpkg/*-old \\
  /var/lib/apt/extended_states.* \\
  /var/lib/systemd/random-seed /var/lib/dbus/machine-id /var/lib/systemd/catalog/database \\
  /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid- /etc/.pwd.lock
mkdir -p /var/log/apt
[ ! -e /etc/machine-id ] || : > /etc/machine-id
# The day of the build is in the shadow file of every user that a package made.
[ ! -e /etc/shadow ] || sed -i -E 's/^([^:]*:[^:]*):[0-9]+:/\\1:3652:/' /etc/shadow
# Host keys in an image would be the same on every machine that runs it: they are made at boot.
if ls /etc/ssh/ssh_host_*_key >/dev/null 2>&1; then
  rm -f /etc/ssh/ssh_host_*
  mkdir -p /etc/systemd/system/ssh.service.d
  printf '[Service]\\nExecStartPre=\\nExecStartPre=/usr/bin/ssh-keygen -A\\nExecStartPre=/usr/sbin/sshd -t\\n' \\
    > /etc/systemd/system/ssh.service.d/claylinux-host-keys.conf
fi
"""


class Apt:
    """Debian and its relatives."""

    name = "apt"
    command = "apt-get"

    def install(self, packages: tuple[str, ...], *, cache_id: str) -> PackageStep:
        """See `Family.install`."""
        options = " ".join(f"-o {shlex.quote(option)}" for option in _OPTIONS)
        names = " ".join(shlex.quote(package) for package in packages)
        script = (
            f"mkdir -p {_WORK}/lists/partial {_WORK}/cache/archives/partial\n"
            f"apt-get {options} -qq update\n"
            f"apt-get {options} -qq -y install {names}\n"
            f"{_CLEAN}"
        )
        mounts = (
            llb.Cache(target=f"{_WORK}/lists", id=f"{cache_id}-lists", sharing="locked"),
            llb.Cache(target=f"{_WORK}/cache", id=f"{cache_id}-archives", sharing="locked"),
            llb.Bind(target=_POLICY, source=_deny_daemons(), selector="/policy-rc.d", readonly=True),
        )
        return PackageStep(script=script, mounts=mounts, env=_ENV)


def _deny_daemons() -> llb.State:
    """Return a tree with a policy-rc.d that refuses to start anything (exit code 101)."""
    policy = llb.Mkfile("/policy-rc.d", b"#!/bin/sh\nexit 101\n", mode=0o755, timestamp_ns=0)
    return llb.scratch().file(policy, name="[internal] keep daemons from starting in build steps")
