"""Debian's package manager, made quiet, cached and reproducible."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from types import MappingProxyType

import llb

from . import apt_ahead, apt_download
from .apt_download import ARCHIVES, CHECKED, WORK
from .caches import sweep
from .family import PACKAGES, Family, PackageSource, PackageStep
from .refusal import unreachable
from .systemd import DAY, FINISH, FINISH_AGAIN, LEFTOVERS
from .unread import leave_out

_LISTS = f"{WORK}/lists"
_AHEAD = f"{WORK}/ahead"

_OPTIONS = (
    f"Dir::State::Lists={_LISTS}",
    f"Dir::Cache={WORK}",
    f"Dir::Cache::Archives={CHECKED}",
    # Some images switch it off: then every call of apt reads all lists.
    "Dir::Cache::pkgcache=pkgcache.bin",
    "Acquire::GzipIndexes=false",
    "APT::Keep-Downloaded-Packages=true",
    "APT::Install-Recommends=false",
    "APT::Sandbox::User=root",  # root owns the cache mounts
    "Acquire::Languages=none",
    "Acquire::Retries=3",
    "Dpkg::Use-Pty=false",
    "Dpkg::Options::=--force-confold",
    *apt_ahead.options(_AHEAD),
)

_FLAGS = " ".join(f"-o {shlex.quote(option)}" for option in _OPTIONS)

# Package scripts must not start daemons in a build step, nor build an initramfs: ours replaces it.
_POLICY = "/usr/sbin/policy-rc.d"
_ENV = (("DEBIAN_FRONTEND", "noninteractive"), ("DEBCONF_NONINTERACTIVE_SEEN", "true"), ("INITRD", "No"))

# Files that differ from build to build (times, random numbers, host names) are not part of the packages.
_TRACES = f"""\
rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/log/bootstrap.log \\
  /var/log/fontconfig.log /var/log/faillog /var/log/lastlog /var/log/journal/* /var/log/*.gz \\
  /var/cache/apt/*.bin /var/cache/debconf/*-old /var/lib/dpkg/*-old \\
  /var/lib/apt/extended_states.* \\
  {LEFTOVERS}
mkdir -p /var/log/apt
"""
_DAYS = f"""\
# The shadow file has the day of the build for every user that a package created.
[ ! -e /etc/shadow ] || sed -i -E 's/^([^:]*:[^:]*):[0-9]+:/\\1:{DAY}:/' /etc/shadow
"""
# Packages make files of one machine. All outputs go without them anyway; but an image for registries is made as one
# layer where a layer has some. What was there before the step is not its own: it may be meant to stay.
_OLD_IDENTITIES = """\
identities() { ls /etc/ssh/ssh_host_* /var/lib/systemd/random-seed /var/lib/dbus/machine-id 2>/dev/null || :; }
old=$(identities) old_id=$(cat /etc/machine-id 2>/dev/null || :)
"""
# Keys that are removed again need not be made, half a second of CPU time: a package makes none that is there.
_KEYS_HELD = """\
ssh=$(ls -d /etc/ssh 2>/dev/null || :)
mkdir -p /etc/ssh
for kind in rsa ecdsa ed25519; do
  [ -e /etc/ssh/ssh_host_${kind}_key ] || : > /etc/ssh/ssh_host_${kind}_key
done
"""
_IDENTITIES = """\
identities | grep -vxF -e "$old" | xargs -r rm -f --
[ -n "$old_id" ] || [ ! -s /etc/machine-id ] || : > /etc/machine-id
"""
_KEYS_LET_GO = """\
[ -n "$ssh" ] || rmdir --ignore-fail-on-non-empty /etc/ssh
"""
_CLEAN = _TRACES + _DAYS + _IDENTITIES
_LISTS_AND_ARCHIVES = """\
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*
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
  # Only louder it says why: that a server refuses a password, for example.
  said=$(apt -o APT::Update::Error-Mode=any "$@" -q=1 update 2>&1) || unreachable "$said"
  printf '%s\\n' "$said" | grep '^W: ' >&2 || :
}}
{sweep(_LISTS, "*_Packages")}mkdir {_LISTS}/partial
refresh -o pkgCacheFile::Generate=false -o APT::Get::List-Cleanup=false \\
  -o Acquire::IndexTargets::deb::Packages::DefaultEnabled=false
cd {_LISTS}
find . -name '*Release' -exec awk '
  FNR == 1 {{ prefix = substr(FILENAME, 3); sub(/(In)?Release$/, "", prefix) }}
  /^[^ ]/ {{ hashes = $1 == "SHA256:" }}
  hashes && NF == 3 {{ gsub("/", "_", $3); print prefix $3, $2, $1 }}' {{}} + > {WORK}/listed
find . -name '*_Packages' -printf '%f\\n' | grep -vxF -e "$(sound {WORK}/listed)" | xargs -r rm -f --
cd /
refresh
"""
# apt takes any file of the right name and size for the package, so it sees those only that are what the lists say.
_CHECK = f"""\
keep() {{ find {CHECKED} -maxdepth 1 -type f -name '*.deb' -exec mv -ft {ARCHIVES} {{}} + 2>/dev/null || :; }}
keep # of a build that was killed
{sweep(ARCHIVES, "*.deb")}mkdir -p {CHECKED}/partial
trap keep EXIT
cd {ARCHIVES}
find . -name '*.deb' -printf '%f\\n' > {WORK}/kept
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
  }}' {WORK}/kept RS= {_LISTS}/*_Packages > {WORK}/listed || :
sound {WORK}/listed | xargs -r mv -t {CHECKED} --
cd /
"""

# `explain` gets the requested packages, and reports what is wrong with each of them.
_HEAD = f"""\
apt() {{ apt-get {_FLAGS} ${{recommends:+--install-recommends}} -qq "$@"; }}
explain() {{
  code=$? blame=
  for package in "$@"; do
    apt -s install "$package" >/dev/null 2>&1 && continue
    blame=$package
    name=${{package%%[=/]*}} known=
    case $package in
      /*) name=.${{package#{PACKAGES}}} ;;
      *) known=$(apt-cache {_FLAGS} madison "$name" 2>/dev/null | awk '{{ printf "%s ", $3 }}') ;;
    esac
    if [ -n "$known" ] && [ "$name" != "$package" ]; then
      echo "claylinux: $package is not available: the repositories have $known" >&2
    elif [ -n "$known" ] || [ "${{package#/}}" != "$package" ]; then
      echo "claylinux: $name cannot be installed (see the output of apt above)" >&2
    else
      echo "claylinux: $name is not available: no repository of this system has it" >&2
    fi
  done
  if [ -n "$blame" ]; then
    :
  elif apt -s install "$@" >/dev/null 2>&1; then
    echo "claylinux: a package cannot be downloaded or set up (see the output of apt above)" >&2
  else
    echo "claylinux: these packages cannot be installed together (see the output of apt above)" >&2
  fi
  exit "$code"
}}
{unreachable("apt", "and the repositories")}{_SOUND}{_REFRESH}{_CHECK}{apt_ahead.set_up(_AHEAD)}\
{apt_download.install(_FLAGS)}"""

_AVAILABLE = f"""\
available() {{
  for name in "$@"; do
    apt-cache {_FLAGS} show "$name" >/dev/null 2>&1 && echo "$name"
  done
  return 0
}}
"""

# What is missing, the imager tells. The programs say much, but nothing of use, if all goes well.
_LOCALE = """\
if command -v locale-gen >/dev/null; then
  grep -qxF {name} /etc/locale.gen 2>/dev/null || echo {name} >> /etc/locale.gen
  locale-gen >/dev/null
fi
"""


class Apt:
    """Debian and its derivatives."""

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
            llb.Tmpfs(target=WORK),
            llb.Cache(target=_LISTS, id=f"{cache_id}-lists", sharing="locked"),
            llb.Cache(target=ARCHIVES, id=f"{cache_id}-archives", sharing="locked"),
            _no_daemons(),
        )
        script = (
            f"{_OLD_IDENTITIES}{before}{_HEAD}{_KEYS_HELD}apt_install {names} || explain {names}\n"
            f"{FINISH}{_CLEAN}{_KEYS_LET_GO}"
        )
        return PackageStep(script=script, mounts=mounts, env=_ENV)

    def assemble(
        self,
        packages: tuple[str, ...],
        kernel: str,
        *,
        cache_id: str,
        optional: tuple[str, ...] = (),
        docs: bool = False,
        languages: tuple[str, ...] = (),
    ) -> PackageStep:
        """See `Family.assemble`. Debian kernels have few dependencies, and INITRD=No skips most work of their hooks."""
        known = f"$(available {' '.join(optional)})" if optional else ""
        before = leave_out(docs=docs, languages=languages) + _AVAILABLE
        return self._install(before, " ".join((*map(shlex.quote, (*packages, kernel)), known)).strip(), cache_id)

    def remove(self, packages: tuple[str, ...]) -> PackageStep:
        """See `Family.remove`. Only orphans are removed: a purge would also remove all packages that need them."""
        names = " ".join(map(shlex.quote, packages))
        options = " ".join(f"-o APT::AutoRemove::{kind}Important=false" for kind in ("Recommends", "Suggests"))
        script = f"""\
{_OLD_IDENTITIES}is_installed() {{ dpkg-query -W -f '${{Status}}' "$1" 2>/dev/null | grep -q '^install ok'; }}
for name in {names}; do
  is_installed "$name" && continue
  echo "claylinux: $name cannot be removed: it is not installed" >&2
  exit 1
done
apt-mark -qq auto {names} >/dev/null
apt-get -qq -y -o Dpkg::Use-Pty=false {options} autoremove --purge
for name in {names}; do
  is_installed "$name" || continue
  echo "claylinux: $name cannot be removed: other packages depend on it, or it is essential" >&2
  exit 1
done
{FINISH}{_CLEAN}"""
        return PackageStep(script=script, mounts=(_no_daemons(),), env=_ENV)

    def make_locale(self, name: str) -> PackageStep:
        """See `Family.make_locale`. locale-gen makes all locales of its list anew, so the bytes are always the same."""
        return PackageStep(script=_LOCALE.format(name=shlex.quote(f"{name} UTF-8")))

    def make_keyboard(self) -> PackageStep:
        """See `Family.make_keyboard`. A package may have prepared another one, which would win."""
        return PackageStep(script="rm -f /etc/console-setup/cached_*\nsetupcon --save-only >/dev/null\n")

    def first_boot(self) -> PackageStep:
        """See `Family.first_boot`."""
        return PackageStep(script=FINISH_AGAIN)

    def in_run(self) -> PackageStep:
        """See `Family.in_run`. Without systemd, systemctl does offline what it can, and skips the rest."""
        return PackageStep(script="", mounts=(_no_daemons(readonly=False),), env=(*_ENV, ("SYSTEMD_OFFLINE", "1")))

    def tidy(self) -> PackageStep:
        """See `Family.tidy`. The build file may have set days of passwords and brought keys, so they stay."""
        return PackageStep(script=_LISTS_AND_ARCHIVES + _TRACES)

    def add_sources(self, sources: tuple[PackageSource, ...]) -> PackageStep:
        """See `Family.add_sources`. The format is that of sources.list(5), DEB822."""
        return PackageStep(script="".join(map(_source, sources)))


FAMILY: Family = Apt()


# Both formats of sources.list(5), but only the lists of the distribution. A component has slashes, but no commas: what
# comes after its end would be commands of sed.
_MORE_COMPONENTS = """\
for list in /etc/apt/sources.list /etc/apt/sources.list.d/{own}; do
  [ ! -f "$list" ] || sed -i -E \
    -e '/^Components:/{{\\, {pattern}( |$),!s,$, {component},}}' \
    -e '/^deb /{{\\, {pattern}( |$),!s,$, {component},}}' "$list"
done
"""
_OWN_LISTS = "debian.sources"
_OWN_URL = f"""\
own=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/{_OWN_LISTS} 2>/dev/null |
  awk '$1 == "URIs:" || $1 == "deb" && $2 !~ /^\\[/ {{ print $2; exit }}')
"""
# apt recognizes a key in ASCII by the extension of its name.
_KEY = """\
mkdir -p /etc/apt/keyrings
key=/etc/apt/keyrings/{name}.gpg
! grep -q 'BEGIN PGP' {key} || key=/etc/apt/keyrings/{name}.asc
cp {key} "$key"
chmod 644 "$key"
"""


def _source(source: PackageSource) -> str:
    """Return the script for one repository."""
    name = re.sub(r"[^A-Za-z0-9_.\-]", "-", source.name)  # apt ignores other files
    if not source.url and not source.suites:
        return "".join(map(_more, source.components))
    script = ". /etc/os-release\nmkdir -p /etc/apt/sources.list.d\n"
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


def _more(component: str) -> str:
    return _MORE_COMPONENTS.format(own=_OWN_LISTS, component=component, pattern=component.replace(".", "[.]"))


class _Shell(str):
    """A line in which the shell expands a variable."""

    __slots__ = ()


def _no_daemons(*, readonly: bool = True) -> llb.Mount:
    # Scripts of others write such a file themselves: what they write is discarded.
    return llb.Bind(target=_POLICY, source=_deny_daemons(), selector="/policy-rc.d", readonly=readonly, keep=readonly)


def _deny_daemons() -> llb.State:
    """Return a tree with a policy-rc.d that does not allow any service to start (exit code 101)."""
    policy = llb.Mkfile("/policy-rc.d", b"#!/bin/sh\nexit 101\n", mode=0o755, timestamp_ns=0)
    return llb.edit(llb.scratch(), policy, name="[internal] do not start daemons in build steps")
