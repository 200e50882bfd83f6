"""Alpine's package manager, made quiet, cached and reproducible."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from types import MappingProxyType

import llb

from .family import PackageSource, PackageStep

_WORK = "/run/claylinux-apk"
"""Where apk keeps indexes and downloads during a build. /run is never part of an image."""

# "$@" of `explain` are the packages that were asked for: what is wrong with each is told by its name.
_HEAD = f"""\
apk() {{ command apk --cache-dir {_WORK} --no-interactive --no-progress "$@"; }}
mkdir -p {_WORK}
refresh() {{
  apk update && return
  echo "claylinux: the package lists cannot be read: is there a network, and are the lines of /etc/apk/repositories" \\
    "and the keys in /etc/apk/keys right? apk says more above" >&2
  exit 1
}}
explain() {{
  code=$? blame=
  for package in "$@"; do
    apk -q add --simulate "$package" >/dev/null 2>&1 && continue
    blame=$package
    name=$(printf '%s' "$package" | sed 's/[=<>~@].*//')
    known=$(apk search -a -x "$name" | sed "s/^$name-//" | sort -u | tr '\\n' ' ')
    if [ -z "$known" ]; then
      echo "claylinux: no repository of this system has a package $name" >&2
    elif [ "$name" != "$package" ]; then
      echo "claylinux: $package cannot be had: the repositories have $known" >&2
    else
      echo "claylinux: $package cannot be installed: apk says why above" >&2
    fi
  done
  [ -n "$blame" ] || echo "claylinux: these packages cannot be installed: apk says why above" >&2
  exit "$code"
}}
"""

# What differs from build to build (times, backups) is no part of the packages.
_TRACES = "rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /var/log/apk.log /var/cache/apk/*\n"
_CLEAN = f"""\
{_TRACES}\
# The day of the build is in the shadow file of every user that a package made.
[ ! -e /etc/shadow ] || sed -i -E 's/^([^:]*:[^:]*):[1-9][0-9]*:/\\1:3652:/' /etc/shadow
"""

# The package alone: what it depends on is made for a system on a disk (an initramfs generator, all firmware).
# So its scripts do not run either, and what they would have done is done here.
_UNPACK = f"""\
fetch_kernel() {{
  mkdir -p {_WORK}/kernels
  file={_WORK}/kernels/$(apk search -x "$1" | sort -V | tail -n 1).apk
  # fetch keeps a file of the same name and size, whoever signed it.
  [ ! -e "$file" ] || apk -q verify "$file" >/dev/null 2>&1 || rm "$file"
  apk -q fetch -o {_WORK}/kernels "$1" || explain "$1"
  tar -xzf "$file" -C / --exclude='.*'
  for folder in /lib/modules/*; do
    [ -e "$folder/modules.dep" ] || depmod "${{folder##*/}}"
  done
}}
"""


class Apk:
    """Alpine and its relatives."""

    name = "apk"
    command = "apk"
    microcode: Mapping[str, str] = MappingProxyType({"intel": "intel-ucode", "amd": "amd-ucode"})
    microcode_component = ""

    def install(
        self, packages: tuple[str, ...], *, cache_id: str, recommends: bool = False, answers: str = ""
    ) -> PackageStep:
        """See `Family.install`."""
        if recommends or answers:  # of a preset, it is told before anything is built
            return PackageStep(script="echo 'claylinux: package_manager: apk has no recommends, answers' >&2\nexit 1\n")
        return _step(f"{_HEAD}refresh\n{_add(packages)}{_CLEAN}", cache_id)

    def assemble(
        self, packages: tuple[str, ...], kernel: str, *, cache_id: str, optional: tuple[str, ...] = ()
    ) -> PackageStep:
        """See `Family.assemble`."""
        _ = optional  # what a release of Alpine has is known
        script = f"{_HEAD}{_UNPACK}refresh\n{_add(packages)}fetch_kernel {shlex.quote(kernel)}\n{_CLEAN}"
        return _step(script, cache_id)

    def remove(self, packages: tuple[str, ...]) -> PackageStep:
        """See `Family.remove`."""
        names = " ".join(map(shlex.quote, packages))
        script = f"""\
for name in {names}; do
  apk info -q -e "$name" && continue
  echo "claylinux: $name is not installed, so it cannot be removed" >&2
  exit 1
done
apk -q --no-network --no-progress del {names}
for name in {names}; do
  apk info -q -e "$name" || continue
  echo "claylinux: $name cannot be removed: other packages need it" >&2
  exit 1
done
for link in /etc/runlevels/*/*; do
  [ -e "$link" ] || rm -f "$link"
done
"""
        return PackageStep(script=script + _CLEAN)

    def first_boot(self) -> None:
        """See `Family.first_boot`. OpenRC has no such thing."""

    def in_run(self) -> PackageStep:
        """See `Family.in_run`. Packages of Alpine start nothing, and ask nothing."""
        return PackageStep(script="")

    def tidy(self) -> PackageStep:
        """See `Family.tidy`."""
        return PackageStep(script=_TRACES)

    def add_sources(self, sources: tuple[PackageSource, ...]) -> PackageStep:
        """See `Family.add_sources`."""
        return PackageStep(script="".join(map(_source, sources)))


def _step(script: str, cache_id: str) -> PackageStep:
    return PackageStep(script=script, mounts=(llb.Cache(target=_WORK, id=cache_id, sharing="locked"),))


def _add(packages: tuple[str, ...]) -> str:
    names = " ".join(map(shlex.quote, packages))
    return f"apk add {names} || explain {names}\n"


_LINES = "/etc/apk/repositories"
# Beside each line of the part `main`, unless it is there already.
_MORE = f"""\
sed -n -E 's|^(([^#@]*/)?)main/*$|\\1{{}}|p' {_LINES} | while read -r line; do
  grep -qxF "$line" {_LINES} || printf '%s\\n' "$line"
done > {_LINES}.more
cat {_LINES}.more >> {_LINES}
rm {_LINES}.more
"""


def _source(source: PackageSource) -> str:
    """Return the script for one repository. apk finds a key by the file name that is written in a signature."""
    if source.suites:  # of a preset, it is told before anything is built
        return "echo 'claylinux: repositories: apk knows no suites: what others call so is in the url' >&2\nexit 1\n"
    if not source.url:
        return "".join(map(_MORE.format, source.components))
    script = ""
    if source.key:
        name = source.key_name if source.key_name.endswith(".pub") else f"{source.key_name}.rsa.pub"
        place = shlex.quote(f"/etc/apk/keys/{name}")
        script = f"cp {shlex.quote(source.key)} {place}\nchmod 644 {place}\n"
    urls = [f"{source.url.rstrip('/')}/{part}" for part in source.components] or [source.url]
    return script + "".join(f"printf '%s\\n' {shlex.quote(url)} >> {_LINES}\n" for url in urls)
