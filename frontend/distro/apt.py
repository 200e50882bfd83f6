"""Debian's package manager, made quiet, cached and reproducible."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from types import MappingProxyType

import llb

from .family import PackageSource, PackageStep
from .systemd import DAY, FINISH, FINISH_AGAIN, LEFTOVERS

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

_FLAGS = " ".join(f"-o {shlex.quote(option)}" for option in _OPTIONS)

# Package scripts must neither start daemons in a build step, nor build an initramfs of their own: ours replaces it.
_POLICY = "/usr/sbin/policy-rc.d"
_ENV = (("DEBIAN_FRONTEND", "noninteractive"), ("DEBCONF_NONINTERACTIVE_SEEN", "true"), ("INITRD", "No"))

# What differs from build to build (times, random numbers, host names) is no part of the packages.
_TRACES = f"""\
rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/log/bootstrap.log \\
  /var/log/fontconfig.log /var/log/faillog /var/log/lastlog /var/log/journal/* /var/log/*.gz \\
  /var/cache/apt/*.bin /var/cache/debconf/*-old /var/lib/dpkg/*-old \\
  /var/lib/apt/extended_states.* \\
  /var/lib/systemd/random-seed /var/lib/dbus/machine-id {LEFTOVERS}
mkdir -p /var/log/apt
[ ! -s /etc/machine-id ] || : > /etc/machine-id
"""
_DAYS = f"""\
# The day of the build is in the shadow file of every user that a package made.
[ ! -e /etc/shadow ] || sed -i -E 's/^([^:]*:[^:]*):[0-9]+:/\\1:{DAY}:/' /etc/shadow
"""
_HOST_KEYS = """\
# Host keys in an image would be the same on every machine that runs it: they are made at boot.
if ls /etc/ssh/ssh_host_*_key >/dev/null 2>&1; then
  rm -f /etc/ssh/ssh_host_*
  mkdir -p /etc/systemd/system/ssh.service.d
  printf '[Service]\\nExecStartPre=\\nExecStartPre=/usr/bin/ssh-keygen -A\\nExecStartPre=/usr/sbin/sshd -t\\n' \\
    > /etc/systemd/system/ssh.service.d/claylinux-host-keys.conf
fi
"""
_CLEAN = _TRACES + _DAYS + _HOST_KEYS
_LISTS_AND_ARCHIVES = """\
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*
"""

# "$@" of `explain` are the packages that were asked for: what is wrong with each is told by its name.
_HEAD = f"""\
apt() {{ apt-get {_FLAGS} ${{recommends:+--install-recommends}} -qq "$@"; }}
mkdir -p {_WORK}/lists/partial {_WORK}/cache/archives/partial
explain() {{
  code=$? blame=
  for package in "$@"; do
    apt -s install "$package" >/dev/null 2>&1 && continue
    blame=$package
    name=${{package##*/claylinux-packages/}}
    [ "$name" != "$package" ] || name=${{package%%[=/]*}}
    known=$(apt-cache {_FLAGS} madison "$name" 2>/dev/null | awk '{{ printf "%s ", $3 }}')
    if [ -z "$known" ]; then
      echo "claylinux: no repository of this system has a package $name" >&2
    elif [ "$name" != "$package" ]; then
      echo "claylinux: $package cannot be had: the repositories have $known" >&2
    else
      echo "claylinux: $package cannot be installed: apt says why above" >&2
    fi
  done
  [ -n "$blame" ] || echo "claylinux: these packages cannot be installed: apt says why above" >&2
  exit "$code"
}}
apt -o APT::Update::Error-Mode=any update || {{
  echo "claylinux: the package lists cannot be read: is there a network, and are the repositories right?" >&2
  exit 1
}}
"""

_AVAILABLE = f"""\
available() {{
  for name in "$@"; do
    apt-cache {_FLAGS} show "$name" >/dev/null 2>&1 && echo "$name"
  done
  return 0
}}
"""


class Apt:
    """Debian and its relatives."""

    name = "apt"
    command = "apt-get"
    microcode: Mapping[str, str] = MappingProxyType({"intel": "intel-microcode", "amd": "amd64-microcode"})
    microcode_component = "non-free-firmware"

    def install(
        self, packages: tuple[str, ...], *, cache_id: str, recommends: bool = False, answers: str = ""
    ) -> PackageStep:
        """See `Family.install`."""
        names = " ".join(map(shlex.quote, packages))
        before = ("recommends=1\n" if recommends else "") + (f"debconf-set-selections {answers}\n" if answers else "")
        return self._install(before, names, cache_id)

    def _install(self, before: str, names: str, cache_id: str) -> PackageStep:
        mounts = (
            llb.Cache(target=f"{_WORK}/lists", id=f"{cache_id}-lists", sharing="locked"),
            llb.Cache(target=f"{_WORK}/cache", id=f"{cache_id}-archives", sharing="locked"),
            _no_daemons(),
        )
        script = f"{before}{_HEAD}apt -y install {names} || explain {names}\n{FINISH}{_CLEAN}"
        return PackageStep(script=script, mounts=mounts, env=_ENV)

    def assemble(
        self, packages: tuple[str, ...], kernel: str, *, cache_id: str, optional: tuple[str, ...] = ()
    ) -> PackageStep:
        """See `Family.assemble`. A kernel of Debian depends on little: INITRD=No keeps its hooks from much work."""
        known = f"$(available {' '.join(optional)})" if optional else ""
        return self._install(_AVAILABLE, " ".join((*map(shlex.quote, (*packages, kernel)), known)).strip(), cache_id)

    def remove(self, packages: tuple[str, ...]) -> PackageStep:
        """See `Family.remove`. Purging a package would take along all that need it: only orphans are removed."""
        names = " ".join(map(shlex.quote, packages))
        options = " ".join(f"-o APT::AutoRemove::{kind}Important=false" for kind in ("Recommends", "Suggests"))
        script = f"""\
there() {{ dpkg-query -W -f '${{Status}}' "$1" 2>/dev/null | grep -q '^install ok'; }}
for name in {names}; do
  there "$name" && continue
  echo "claylinux: $name is not installed, so it cannot be removed" >&2
  exit 1
done
apt-mark -qq auto {names} >/dev/null
apt-get -qq -y -o Dpkg::Use-Pty=false {options} autoremove --purge
for name in {names}; do
  there "$name" || continue
  echo "claylinux: $name cannot be removed: other packages need it, or it is essential" >&2
  exit 1
done
{FINISH}{_CLEAN}"""
        return PackageStep(script=script, mounts=(_no_daemons(),), env=_ENV)

    def first_boot(self) -> PackageStep:
        """See `Family.first_boot`."""
        return PackageStep(script=FINISH_AGAIN)

    def in_run(self) -> PackageStep:
        """See `Family.in_run`. Without systemd, systemctl does offline what it can, and skips the rest."""
        return PackageStep(script="", mounts=(_no_daemons(readonly=False),), env=(*_ENV, ("SYSTEMD_OFFLINE", "1")))

    def tidy(self) -> PackageStep:
        """See `Family.tidy`. Days of passwords stay: the build file may have set them."""
        return PackageStep(script=_LISTS_AND_ARCHIVES + _TRACES + _HOST_KEYS)

    def add_sources(self, sources: tuple[PackageSource, ...]) -> PackageStep:
        """See `Family.add_sources`. The format is that of sources.list(5), DEB822."""
        return PackageStep(script="".join(map(_source, sources)))


# Both formats of sources.list(5), and only what the distribution brought.
_MORE_COMPONENTS = """\
for list in /etc/apt/sources.list /etc/apt/sources.list.d/{own}; do
  [ ! -f "$list" ] || sed -i -E \
    -e '/^Components:/{{/ {component}( |$)/!s|$| {component}|}}' \
    -e '/^deb /{{/ {component}( |$)/!s|$| {component}|}}' "$list"
done
"""
_OWN_LISTS = "debian.sources"
_OWN_URL = f"""\
own=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/{_OWN_LISTS} 2>/dev/null |
  awk '$1 == "URIs:" || $1 == "deb" && $2 !~ /^\\[/ {{ print $2; exit }}')
"""
# apt tells a key in ASCII from one in bytes by the ending of its name.
_KEY = """\
mkdir -p /etc/apt/keyrings
key=/etc/apt/keyrings/{name}.gpg
! grep -q 'BEGIN PGP' {key} || key=/etc/apt/keyrings/{name}.asc
cp {key} "$key"
chmod 644 "$key"
"""


def _source(source: PackageSource) -> str:
    """Return the script for one repository."""
    name = re.sub(r"[^A-Za-z0-9_.\-]", "-", source.name)  # apt looks past other files
    if not source.url and not source.suites:
        return "".join(_MORE_COMPONENTS.format(own=_OWN_LISTS, component=part) for part in source.components)
    script = ". /etc/os-release\n"
    if not source.url:
        script += _OWN_URL
    if source.key:
        script += _KEY.format(name=name, key=source.key)
    lines = [
        "Types: deb",
        f"URIs: {source.url}" if source.url else _Shell("URIs: $own"),
        f"Suites: {' '.join(source.suites)}" if source.suites else _Shell("Suites: $VERSION_CODENAME"),
    ]
    if not any(suite.endswith("/") for suite in source.suites):  # a flat repository has none
        lines.append(f"Components: {' '.join(source.components or ('main',))}")
    if source.key:
        lines.append(_Shell("Signed-By: $key"))
    words = " ".join(f'"{line}"' if isinstance(line, _Shell) else shlex.quote(line) for line in lines)
    return f"{script}printf '%s\\n' {words} > /etc/apt/sources.list.d/{name}.sources\n"


class _Shell(str):
    """A line in which the shell puts the value of a variable."""

    __slots__ = ()


def _no_daemons(*, readonly: bool = True) -> llb.Mount:
    # Scripts of others write such a file themselves: what they write is discarded.
    return llb.Bind(target=_POLICY, source=_deny_daemons(), selector="/policy-rc.d", readonly=readonly, keep=readonly)


def _deny_daemons() -> llb.State:
    """Return a tree with a policy-rc.d that refuses to start anything (exit code 101)."""
    policy = llb.Mkfile("/policy-rc.d", b"#!/bin/sh\nexit 101\n", mode=0o755, timestamp_ns=0)
    return llb.edit(llb.scratch(), policy, name="[internal] keep daemons from starting in build steps")
