"""How packages of apt reach a build step: over several connections, with a line a second that tells how far it is."""

from __future__ import annotations

WORK = "/run/claylinux-apt"
"""Where apt works during a build, in memory. /run is never part of an image."""
ARCHIVES = f"{WORK}/packages"
CHECKED = f"{ARCHIVES}/checked"
"""The packages that are what the lists say; apt takes any file there that has the right name and size."""

_FETCHED = f"{CHECKED}/fetched"
_HELPER = "/usr/lib/apt/apt-helper"
_CONNECTIONS = 4
_WORTH_IT = 4
"""So many requested packages have to be missing: apt works for 0.6 s to tell where they and what they need are."""

# A line a second while packages are downloaded, from the third second on. What apt itself downloads, it tells its
# descriptor 3, and that is much, so that asking for the time must cost no process. What dpkg does, it says itself.
_PROGRESS = f"""\
uptime() {{ read -r now _ < /proc/uptime; now=${{now%%.*}}; }}
tell_download() {{
  speed=$(($2 * 1024 / $3 / 100000))
  echo "downloading packages: $1 %, $((speed / 10)).$((speed % 10)) MB/s"
}}
progress() {{
  uptime
  at=$now next=$((now + 2)) had=
  while IFS=: read -r kind _ percent _; do
    [ "$kind" = dlstatus ] || continue
    uptime
    [ "$now" -ge "$next" ] || continue
    has=$(du -sk {CHECKED} | cut -f 1)
    [ -z "$had" ] || tell_download "${{percent%%.*}}" "$((has - had))" "$((now - at))"
    at=$now had=$has next=$((now + 1))
  done
}}
progress_of_fetch() {{
  sleep 2
  has=$(du -sk . | cut -f 1)
  while sleep 1; do
    had=$has has=$(du -sk . | cut -f 1)
    percent=$((has * 102400 / $1)) # of whole blocks
    tell_download "$((percent < 100 ? percent : 100))" "$((has - had))" 1
  done
}}
"""

# apt has one connection for each host. What several fetch is compared with the lists, and what is missing after that,
# apt downloads itself, and tells why that does not work. Odd names and addresses are left to it, too.
_FETCH = f"""\
fetch() {{
  new=0
  for package in "$@"; do
    case $package in /*) continue ;; esac
    ls {CHECKED}/"${{package%%[=/:]*}}"_*.deb >/dev/null 2>&1 || new=$((new + 1))
  done
  [ "$new" -ge {_WORTH_IT} ] && [ -x {_HELPER} ] || return 0
  apt -o Acquire::ForceHash=SHA256 --print-uris -y install "$@" 2>/dev/null | sed -n \\
    "s|^'\\(https\\{{0,1\\}}://[][A-Za-z0-9:/._%+~@?=&,;-]*\\)' \\([a-z0-9][A-Za-z0-9._%+~-]*\\.deb\\) \\([0-9]*\\) \\
SHA256:\\([0-9a-f]*\\)$|\\1 \\2 \\3 \\4|p" | sort -k 3,3 -rn > {WORK}/fetched
  [ -s {WORK}/fetched ] || return 0
  mkdir {_FETCHED}
  cd {_FETCHED}
  # The largest first, each to the connection with the least to do.
  awk '
    {{
      least = 1
      for (each = 2; each <= {_CONNECTIONS}; each++) if (sum[each] < sum[least]) least = each
      sum[least] += $3
      print $1, $2, "SHA256:" $4 > ("{WORK}/fetched." least)
      print $2, $3, $4 > "{WORK}/listed"
    }}' {WORK}/fetched
  progress_of_fetch "$(awk '{{ sum += $3 }} END {{ printf "%.0f", sum }}' {WORK}/fetched)" &
  watcher=$! parts=
  for part in {WORK}/fetched.*; do
    xargs -n 60 {_HELPER} {{flags}} -o Acquire::Retries=0 -qq download-file < "$part" >/dev/null 2>&1 &
    parts="$parts $!"
  done
  for part in $parts; do
    wait "$part" || :
  done
  kill "$watcher"
  wait "$watcher" 2>/dev/null || : # some shells say who was terminated
  sound {WORK}/listed | xargs -r mv -t {CHECKED} --
  cd /
}}
"""

_INSTALL = f"""\
apt_install() {{
  fetch "$@"
  mkfifo {WORK}/status
  progress < {WORK}/status &
  watcher=$! code=0
  apt -o APT::Status-Fd=3 -y install "$@" 3<> {WORK}/status || code=$?
  # It would wait for whatever the packages started.
  kill "$watcher"
  wait "$watcher" 2>/dev/null || :
  return "$code"
}}
"""


def install(flags: str) -> str:
    """Return the shell function `apt_install`, which gets the requested packages.

    `flags` are those of all programs of apt. The function needs `apt` and `sound` of the module `apt`.
    """
    return _PROGRESS + _FETCH.replace("{flags}", flags) + _INSTALL
