"""What systemd does at a first boot, done in a build step: units with ConditionNeedsUpdate= (systemd.unit(5)).

Each boot of a system in memory is the first one, and in a build the work takes a third of a second.
"""

from __future__ import annotations

DAY = 3652
"""The day on which all passwords of packages were set: 1980-01-01."""
LEFTOVERS = """\
/var/cache/ldconfig/aux-cache /etc/.pwd.lock \\
  /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-"""
"""Backups, locks and what holds inode numbers: for rm."""

_MARKS = "/etc/.updated /var/.updated"
"""What tells systemd that the work for /etc and /var is done, as long as /usr is not younger."""
_LAST_TIME = 2**31 - 1
"""The last second that every file system can hold. Packing brings it down to the epoch, as it does all that is younger:
so /usr is never younger than a mark of this time, whatever changes it after the mark was made."""

# The programs and options of the units, as far as the system has them; they give the same bytes each time, but for
# `LEFTOVERS`. What fails is left to the units, where it is seen at boot: a build that worked without this still works.
_FINISH = f"""\
finish() {{
  ! command -v "$1" >/dev/null || SOURCE_DATE_EPOCH={DAY * 86400} "$@"
}}
new_hardware() {{
  [ -e /etc/udev/hwdb.bin ] || [ -n "$(ls -A /etc/udev/hwdb.d 2>/dev/null)" ]
}}
if ! {{ finish systemd-sysusers && finish ldconfig -X && finish journalctl --update-catalog &&
  {{ ! new_hardware || finish systemd-hwdb update; }}; }}; then
  echo "claylinux: warning: this cannot be done once and for all, so systemd tries it at every boot" >&2
  rm -f {_MARKS}
fi
"""
FINISH = f"""\
if [ -x /lib/systemd/systemd ]; then
touch -d @{_LAST_TIME} {_MARKS}
{_FINISH}fi
"""
"""The script for a system of which only packages have been changed. `LEFTOVERS` are left."""
# Without marks the work is wanted at boot, or there is no systemd.
FINISH_AGAIN = f"""\
[ -e /etc/.updated ] || [ -e /var/.updated ] || exit 0
{_FINISH}rm -f {LEFTOVERS}
"""
"""The script for a system that others have changed after `FINISH`."""
