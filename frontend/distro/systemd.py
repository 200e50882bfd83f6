"""The first-boot work of systemd, done in a build step: units with ConditionNeedsUpdate= (systemd.unit(5)).

Each boot of a system in memory is a first boot. In a build, the work takes a third of a second.
"""

from __future__ import annotations

DAY = 3652
"""The day on which packages set all passwords: 1980-01-01."""
LEFTOVERS = """\
/var/cache/ldconfig/aux-cache /etc/.pwd.lock \\
  /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-"""
"""Arguments for rm: backups, locks and files with inode numbers."""

_MARKS = "/etc/.updated /var/.updated"
"""Files that tell systemd that the work for /etc and /var is done, unless /usr is newer."""
_LAST_TIME = 2**31 - 1
"""The last second that every file system can store. Packing reduces it to the epoch, as it does with all later times.
So /usr is never newer than a mark of this time, even if it changes later."""

# The programs and options of the units, if the system has them. Their results are the same each time, except for
# `LEFTOVERS`. After a failure, the units do the work at boot: a build that works without this must not fail.
_FINISH = f"""\
finish() {{
  ! command -v "$1" >/dev/null || SOURCE_DATE_EPOCH={DAY * 86400} "$@"
}}
new_hardware() {{
  [ -e /etc/udev/hwdb.bin ] || [ -n "$(ls -A /etc/udev/hwdb.d 2>/dev/null)" ]
}}
if ! {{ finish systemd-sysusers && finish ldconfig -X && finish journalctl --update-catalog &&
  {{ ! new_hardware || finish systemd-hwdb update; }}; }}; then
  echo "claylinux: warning: this first-boot work failed, so systemd will try it at every boot" >&2
  rm -f {_MARKS}
fi
"""
FINISH = f"""\
if [ -x /lib/systemd/systemd ]; then
touch -d @{_LAST_TIME} {_MARKS}
{_FINISH}fi
"""
"""The script for a system after changes to packages only. It does not remove `LEFTOVERS`."""
# Without marks, systemd does the work at boot, or there is no systemd.
FINISH_AGAIN = f"""\
[ -e /etc/.updated ] || [ -e /var/.updated ] || exit 0
{_FINISH}rm -f {LEFTOVERS}
"""
"""The script for a system that changed after `FINISH`."""
