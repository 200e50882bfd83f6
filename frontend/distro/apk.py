"""Alpine's package manager, made quiet, cached and reproducible."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from types import MappingProxyType

import llb

from .apk_credentials import credentials
from .caches import sweep
from .family import PACKAGES, Family, PackageSource, PackageStep
from .refusal import unreachable

_WORK = "/run/claylinux-apk"
"""The directory for indexes and downloads of apk during a build. /run is never part of an image."""

# `explain` gets the requested packages, and reports what is wrong with each of them.
_HEAD = f"""\
{credentials(_WORK)}\
apk() {{
  command apk --cache-dir {_WORK} --no-interactive --no-progress \\
    ${{repositories:+--repositories-file $repositories}} "$@"
}}
{sweep(_WORK, "*.apk")}{unreachable("apk", "/etc/apk/repositories, and the keys in /etc/apk/keys")}\
refresh() {{
  said=$(apk update 2>&1) || unreachable "$said"
  printf '%s\\n' "$said"
}}
explain() {{
  code=$? blame=
  for package in "$@"; do
    apk -q add --simulate "$package" >/dev/null 2>&1 && continue
    blame=$package
    case $package in {PACKAGES}/*)
      if apk verify "$package" 2>&1 | grep -q UNTRUSTED; then
        why="is signed by nobody whom this system trusts: the public key of whoever made it belongs to /etc/apk/keys"
      else
        why="cannot be installed (see the output of apk above)"
      fi
      echo "claylinux: .${{package#{PACKAGES}}} $why" >&2
      continue ;;
    esac
    name=$(printf '%s' "$package" | sed 's/[=<>~@].*//')
    known=$(apk search -a -x "$name" | sed "s|^$name-||" | sort -u | tr '\\n' ' ')
    if [ -z "$known" ]; then
      echo "claylinux: $name is not available: no repository of this system has it" >&2
    elif [ "$name" != "$package" ]; then
      echo "claylinux: $package is not available: the repositories have $known" >&2
    else
      echo "claylinux: $package cannot be installed (see the output of apk above)" >&2
    fi
  done
  # apk refuses a package that was damaged in the cache, and would do so for ever.
  [ -n "$blame" ] || rm -f {_WORK}/*.apk
  if [ -n "$blame" ]; then
    :
  elif apk -q add --simulate "$@" >/dev/null 2>&1; then
    echo "claylinux: a package cannot be downloaded or set up (see the output of apk above). If it is damaged, build" \\
      "again: the package cache is empty now" >&2
  else
    echo "claylinux: these packages cannot be installed together (see the output of apk above)" >&2
  fi
  exit "$code"
}}
"""

# Files that differ from build to build (times, backups) are not part of the packages.
_TRACES = "rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /var/log/apk.log /var/cache/apk/*\n"
_CLEAN = f"""\
{_TRACES}\
# The shadow file has the day of the build for every user that a package created.
[ ! -e /etc/shadow ] || sed -i -E 's/^([^:]*:[^:]*):[1-9][0-9]*:/\\1:3652:/' /etc/shadow
"""

# Only the package itself is unpacked, because its dependencies are for a system on a disk (an initramfs generator, all
# firmware). So its scripts do not run, and this does their work.
_UNPACK = f"""\
is_package() {{
  apk -q verify "$1" >/dev/null 2>&1 &&
    [ "$(tar -xzOf "$1" .PKGINFO | sed -n 's/^pkgname = //p; s/^pkgver = /-/p' | tr -d '\\n')" = "$2" ]
}}
fetch_kernel() {{
  package=$(apk search -x "$1" | sort -V | tail -n 1)
  file={_WORK}/$package.apk
  # fetch keeps a file of the same name and size, whoever signed it; and an older kernel is signed as well.
  [ ! -e "$file" ] || is_package "$file" "$package" || rm "$file"
  apk -q fetch -o {_WORK} "$1" || explain "$1"
  tar -xzf "$file" -C / --exclude='.*'
  for directory in /lib/modules/*; do
    [ -e "$directory/modules.dep" ] || depmod "${{directory##*/}}"
  done
}}
"""


class Apk:
    """Alpine and its derivatives."""

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
        self,
        packages: tuple[str, ...],
        kernel: str,
        *,
        cache_id: str,
        optional: tuple[str, ...] = (),
        docs: bool = False,
        languages: tuple[str, ...] = (),
    ) -> PackageStep:
        """See `Family.assemble`."""
        _ = optional, docs, languages  # what a release of Alpine has is known; both are in packages of their own
        script = f"{_HEAD}{_UNPACK}refresh\n{_add(packages)}fetch_kernel {shlex.quote(kernel)}\n{_CLEAN}"
        return _step(script, cache_id)

    def remove(self, packages: tuple[str, ...]) -> PackageStep:
        """See `Family.remove`."""
        names = " ".join(map(shlex.quote, packages))
        script = f"""\
for name in {names}; do
  apk info -q -e "$name" && continue
  echo "claylinux: $name cannot be removed: it is not installed" >&2
  exit 1
done
# The indexes are in no cache of this step: apk 3 would warn of each.
apk -q --no-network --no-progress --repositories-file /dev/null del {names}
for name in {names}; do
  apk info -q -e "$name" || continue
  echo "claylinux: $name cannot be removed: other packages depend on it" >&2
  exit 1
done
for link in /etc/runlevels/*/*; do
  [ -e "$link" ] || rm -f "$link"
done
"""
        return PackageStep(script=script + _CLEAN)

    def make_locale(self, name: str) -> None:
        """See `Family.make_locale`. musl has UTF-8 and nothing else."""

    def make_keyboard(self) -> None:
        """See `Family.make_keyboard`. busybox loads the files of kbd-bkeymaps."""

    def first_boot(self) -> None:
        """See `Family.first_boot`. OpenRC has no first-boot work."""

    def in_run(self) -> PackageStep:
        """See `Family.in_run`. Packages of Alpine start nothing, and ask nothing."""
        return PackageStep(script="")

    def tidy(self) -> PackageStep:
        """See `Family.tidy`."""
        return PackageStep(script=_TRACES)

    def add_sources(self, sources: tuple[PackageSource, ...]) -> PackageStep:
        """See `Family.add_sources`."""
        return PackageStep(script="".join(map(_source, sources)))


FAMILY: Family = Apk()


def _step(script: str, cache_id: str) -> PackageStep:
    return PackageStep(script=script, mounts=(llb.Cache(target=_WORK, id=cache_id, sharing="locked"),))


def _add(packages: tuple[str, ...]) -> str:
    names = " ".join(map(shlex.quote, packages))
    return f"apk add {names} || explain {names}\n"


_LINES = "/etc/apk/repositories"
# For each line of the component `main`, add one of another component, unless it exists.
_MORE = f"""\
sed -n -E 's|^(([^#@]*/)?)main/*$|\\1{{}}|p' {_LINES} | while read -r line; do
  grep -qxF "$line" {_LINES} || printf '%s\\n' "$line"
done > {_LINES}.more
cat {_LINES}.more >> {_LINES}
rm {_LINES}.more
"""


def _source(source: PackageSource) -> str:
    """Return the script for one repository. apk finds a key by the file name in a signature."""
    if source.suites:  # For a preset, `config.rules.presets` reports this before the build.
        return "echo 'claylinux: repositories: apk has no suites: write the release in the url' >&2\nexit 1\n"
    if not source.url:
        return "".join(map(_MORE.format, source.components))
    script = ""
    if source.key:
        name = source.key_name if source.key_name.endswith(".pub") else f"{source.key_name}.rsa.pub"
        place = shlex.quote(f"/etc/apk/keys/{name}")
        script = f"cp {shlex.quote(source.key)} {place}\nchmod 644 {place}\n"
    urls = [f"{source.url.rstrip('/')}/{part}" for part in source.components] or [source.url]
    return script + "".join(f"printf '%s\\n' {shlex.quote(url)} >> {_LINES}\n" for url in urls)
