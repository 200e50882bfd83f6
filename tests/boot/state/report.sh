#!/bin/sh
# Says on the serial console what stayed, leaves something behind, then powers the machine off.
n=0
if command -v systemctl >/dev/null; then
  systemctl is-system-running --wait >/run/running
  journalctl --flush
else
  until rc-status -C default 2>/dev/null | grep -q 'report.*started' || [ $n -gt 60 ]; do sleep 1; n=$((n + 1)); done
  logger "a line of boot $(wc -l </var/lib/app/boots 2>/dev/null)"
  rc-status -C -a | grep -o crashed >/run/running
fi
dmesg -n 1
date >>/var/lib/app/boots
[ -e /var/lib/app/changed ] || { touch /var/lib/app/changed; echo machine >/var/lib/app/ours; }
[ "$(wc -l </var/lib/app/boots)" != 3 ] || claylinux persist take /var/lib/app/ours
claylinux status --json >/run/status.json
code=$?
{
  echo
  echo "report-begin=$((40 + 2))"
  echo "running=$(cat /run/running)"
  echo "id=$(cat /etc/machine-id)"
  echo "keys=$(cat /etc/ssh/ssh_host_*_key | sha256sum | cut -c 1-16)"
  echo "number=$(ls /etc/ssh/ssh_host_*_key | wc -l)"
  echo "boots=$(wc -l </var/lib/app/boots)"
  echo "image=$(cat /var/lib/app/of-image)"
  echo "ours=$(cat /var/lib/app/ours)"
  echo "victim=$(cat /etc/victim) $(cat /var/lib/other/of-image) $(ls /etc/ssh | grep -c planted)"
  echo "mounts=$(grep -c ' /var/lib/[ao][a-z]* ext4 rw,nosuid,nodev' /proc/mounts)"
  [ ! -s /usr/share/recovery ] || echo "unlock=$(claylinux unlock </usr/share/recovery 2>&1)"
  echo "logs=$(if command -v journalctl >/dev/null; then journalctl --list-boots -q | wc -l; else grep -c 'a line of boot' /var/log/messages; fi)"
  echo "differs=$(claylinux persist)"
  echo "code=$code"
  echo "told=$(dmesg | grep -o 'claylinux: state: .*' | tr '\n' ';')"
  echo "seconds=$(dmesg | sed -n 's/^\[ *\([0-9.]*\)\] .*\(Run \/init\|claylinux: state\|EXT4-fs (.*mounted\|systemd\[1\]: systemd 2\).*/\1/p' | tr '\n' ' ')"
  claylinux status
  cat /run/status.json
  echo "report-end=$((40 + 3))"
} >/dev/ttyS0 2>&1
sync
poweroff
