#!/bin/sh
# Says on the serial console what is in the machine, then powers it off.
systemctl is-system-running --wait >/run/state
dmesg -n 1
{
  echo "report-begin=42"
  COLUMNS=400 dpkg -l | sed -n 's/^ii  *\([^ ]*\)  *\([^ ]*\)  *\([^ ]*\) .*/package=\1 \2 \3/p'
  sha256sum /usr/local/sbin/report /srv/image | sed 's/^/file=/'
  echo "kernel=$(uname -r)"
  find /run/by-* /.extra/*/* ! -type d | sed 's/^/told=/'
  sed 's/^/told=/' /proc/sys/kernel/domainname
  grep -o 'clay\.addon' /proc/cmdline | sed 's/^/told=/'
  echo "report-end=43"
} >/dev/ttyS0
systemctl poweroff
