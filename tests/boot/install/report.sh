#!/bin/sh
# Says on the serial console what the machine booted from, and copies the system by hand to a further disk.
boot=$(claylinux status --json | sed -n 's/.*"boot": {"device": "\([^"]*\)", "secure_boot": "\([^"]*\)".*/\1 \2/p')
grep -q ' /state ' /proc/mounts || exit 0 # this is the medium, on which nothing stays
dmesg -n 1
printf '/dev/vdb\nyes\n' | claylinux install >/run/said 2>&1
code=$?
{
  echo
  echo "report-begin=$((40 + 2))"
  echo "boot=$boot"
  echo "state=$(claylinux status | grep ^State)"
  echo "told=$(dmesg | grep -c 'claylinux: install')"
  echo "code=$code"
  cat /run/said
  echo "code2=$(claylinux install --yes 2>&1)"
  echo "report-end=$((40 + 3))"
} >/dev/ttyS0 2>&1
sync
poweroff
