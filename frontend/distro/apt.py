"""Debian's package manager, made quiet, cached and reproducible."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import llb

from .caches import sweep
from .family import PackageSource, PackageStep
from .systemd import DAY, FINISH, FINISH_AGAIN, LEFTOVERS

_WORK = "/run/claylinux-apt"
"""Where apt works during a build, in memory. /run is never part of an image."""
_LISTS = f"{_WORK}/lists"
_PACKAGES = f"{_WORK}/packages"
_CHECKED = f"{_PACKAGES}/checked"

_OPTIONS = (
    f"Dir::State::Lists={_LISTS}",
    f"Dir::Cache={_WORK}",
    f"Dir::Cache::Archives={_CHECKED}",
    # Some images switch it off: then every call of apt reads all lists.
    "Dir::Cache::pkgcache=pkgcache.bin",
    "Acquire::GzipIndexes=false",
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
_CLEAN = f"""\
rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/log/bootstrap.log \\
  /var/log/fontconfig.log /var/log/faillog /var/log/lastlog /var/log/journal/* /var/log/*.gz \\
  /var/cache/apt/*.bin /var/cache/debconf/*-old /var/lib/dpkg/*-old \\
  /var/lib/apt/extended_states.* \\
  /var/lib/systemd/random-seed /var/lib/dbus/machine-id {LEFTOVERS}
mkdir -p /var/log/apt
[ ! -e /etc/machine-id ] || : > /etc/machine-id
# The day of the build is in the shadow file of every user that a package made.
[ ! -e /etc/shadow ] || sed -i -E 's/^([^:]*:[^:]*):[0-9]+:/\\1:{DAY}:/' /etc/shadow
# Host keys in an image would be the same on every machine that runs it: they are made at boot.
if ls /etc/ssh/ssh_host_*_key >/dev/null 2>&1; then
  rm -f /etc/ssh/ssh_host_*
  mkdir -p /etc/systemd/system/ssh.service.d
  printf '[Service]\\nExecStartPre=\\nExecStartPre=/usr/bin/ssh-keygen -A\\nExecStartPre=/usr/sbin/sshd -t\\n' \\
    > /etc/systemd/system/ssh.service.d/claylinux-host-keys.conf
fi
"""


# `sound` prints the names of the files here that are what the lines `NAME SIZE SHA256` of the file "$1" say. Sizes come
# first: to hash a file of a stranger may take for ever.
_SOUND = """\
sound() {
  find . -maxdepth 1 -type f -printf '%f %s\\n' | awk '
    NR == FNR { file = $1 " " $2; if (file in sums && sums[file] != $3) $3 = "two"; sums[file] = $3; next }
    $0 in sums { print sums[$0] "  " $1 }' "$1" - | sha256sum --check 2>/dev/null | sed -n 's/: OK$//p'
}
"""
# A new InRelease, which is signed; of the lists kept those whose hashes it has; then the lists that are missing.
# apt itself looks at the names of lists, and compares an InRelease with an older one that it believes.
_REFRESH = f"""\
refresh() {{
  apt -o APT::Update::Error-Mode=any "$@" update && return
  echo "claylinux: the package lists cannot be read: is there a network, and are the repositories right?" >&2
  exit 1
}}
{sweep(_LISTS, "*_Packages")}mkdir {_LISTS}/partial
refresh -o pkgCacheFile::Generate=false -o APT::Get::List-Cleanup=false \\
  -o Acquire::IndexTargets::deb::Packages::DefaultEnabled=false
cd {_LISTS}
find . -name '*Release' -exec awk '
  FNR == 1 {{ prefix = substr(FILENAME, 3); sub(/(In)?Release$/, "", prefix) }}
  /^[^ ]/ {{ hashes = $1 == "SHA256:" }}
  hashes && NF == 3 {{ gsub("/", "_", $3); print prefix $3, $2, $1 }}' {{}} + > {_WORK}/listed
find . -name '*_Packages' -printf '%f\\n' | grep -vxF -e "$(sound {_WORK}/listed)" | xargs -r rm -f --
cd /
refresh
"""
# apt takes any file of the right name and size for the package, so it sees those only that are what the lists say.
_CHECK = f"""\
keep() {{ find {_CHECKED} -maxdepth 1 -type f -name '*.deb' -exec mv -ft {_PACKAGES} {{}} + 2>/dev/null || :; }}
keep # of a build that was killed
{sweep(_PACKAGES, "*.deb")}mkdir -p {_CHECKED}/partial
trap keep EXIT
cd {_PACKAGES}
find . -name '*.deb' -printf '%f\\n' > {_WORK}/kept
awk '
  NR == FNR {{ sub(/_.*/, ""); kept[$0]; next }}
  {{ name = substr($0, 10, index($0, "\\n") - 10) }}
  name in kept {{
    split("", field)
    for (count = split($0, lines, "\\n"); count > 0; count--)
      if (match(lines[count], /^(Version|Architecture|Size|SHA256): /))
        field[substr(lines[count], 1, RLENGTH - 2)] = substr(lines[count], RLENGTH + 1)
    gsub(":", "%3a", field["Version"])
    print name "_" field["Version"] "_" field["Architecture"] ".deb", field["Size"], field["SHA256"]
  }}' {_WORK}/kept RS= {_LISTS}/*_Packages > {_WORK}/listed || :
sound {_WORK}/listed | xargs -r mv -t {_CHECKED} --
cd /
"""

# "$@" of `explain` are the packages that were asked for: what is wrong with each is told by its name.
_HEAD = f"""\
apt() {{ apt-get {_FLAGS} -qq "$@"; }}
explain() {{
  code=$? blame=
  for package in "$@"; do
    apt -s install "$package" >/dev/null 2>&1 && continue
    blame=$package
    name=${{package%%[=/]*}}
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
{_SOUND}{_REFRESH}{_CHECK}"""


class Apt:
    """Debian and its relatives."""

    name = "apt"
    command = "apt-get"
    microcode: Mapping[str, str] = MappingProxyType({"intel": "intel-microcode", "amd": "amd64-microcode"})
    microcode_component = "non-free-firmware"

    def install(self, packages: tuple[str, ...], *, cache_id: str) -> PackageStep:
        """See `Family.install`."""
        names = " ".join(map(shlex.quote, packages))
        mounts = (
            llb.Tmpfs(target=_WORK),
            llb.Cache(target=_LISTS, id=f"{cache_id}-lists", sharing="locked"),
            llb.Cache(target=_PACKAGES, id=f"{cache_id}-archives", sharing="locked"),
            _no_daemons(),
        )
        script = f"{_HEAD}apt -y install {names} || explain {names}\n{FINISH}{_CLEAN}"
        return PackageStep(script=script, mounts=mounts, env=_ENV)

    def assemble(
        self, packages: tuple[str, ...], kernel: str, services: Mapping[str, bool | str], *, cache_id: str
    ) -> PackageStep:
        """See `Family.assemble`. A kernel of Debian depends on little: INITRD=No keeps its hooks from much work."""
        step = self.install((*packages, kernel), cache_id=cache_id)
        return replace(
            step, script=f"{step.script}SYSTEMD_OFFLINE=1 systemctl --quiet enable {' '.join(sorted(services))}\n"
        )

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
        f"Components: {' '.join(source.components or ('main',))}",
    ]
    if source.key:
        lines.append(_Shell("Signed-By: $key"))
    words = " ".join(f'"{line}"' if isinstance(line, _Shell) else shlex.quote(line) for line in lines)
    return f"{script}printf '%s\\n' {words} > /etc/apt/sources.list.d/{name}.sources\n"


class _Shell(str):
    """A line in which the shell puts the value of a variable."""

    __slots__ = ()


def _no_daemons() -> llb.Mount:
    return llb.Bind(target=_POLICY, source=_deny_daemons(), selector="/policy-rc.d", readonly=True)


def _deny_daemons() -> llb.State:
    """Return a tree with a policy-rc.d that refuses to start anything (exit code 101)."""
    policy = llb.Mkfile("/policy-rc.d", b"#!/bin/sh\nexit 101\n", mode=0o755, timestamp_ns=0)
    return llb.edit(llb.scratch(), policy, name="[internal] keep daemons from starting in build steps")
