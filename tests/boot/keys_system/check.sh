#!/bin/bash
# Prints the guest's own view; the token is computed, so an echoed command line cannot fake it. $1: a port of the host.
echo "check-begin=$((40 + 2))"
echo "op=$(id -u op) $(id -gn op) $(id -Gn op)"
echo "key=$(stat -c '%U:%G %a' /home/op/.ssh/authorized_keys) $(cut -d' ' -f3 /home/op/.ssh/authorized_keys)"
echo "locked=$(getent shadow agent | cut -d: -f2,8)"
echo "address=$(ip -br -4 addr show dev lan0 | awk '{print $3}')"
echo "default=$(ip route show default | cut -d' ' -f1-3)"
echo "route=$(ip route show 10.9.0.0/16 | cut -d' ' -f1-3) $(ip route show 10.9.0.0/16 | grep -o 'metric .*')"
echo "mtu=$(cat /sys/class/net/lan0/mtu)"
echo "bridge=$(ip -br -4 addr show br0 | awk '{print $3}')"
echo "rule=$(ip rule show | grep -o '^70:.* lookup 7' | tr -s '\t ' ' ') $(ip route show table 7 | cut -d' ' -f1-3)"
echo "ipv6=$(ip -br -6 addr show dev lan0 | wc -l)"
echo "spanning=$(cd /sys/class/net/br0/bridge && cat stp_state forward_delay priority | paste -sd ' ')"
echo "bond=$(cat /sys/class/net/bond0/bonding/mode /sys/class/net/bond0/bonding/miimon /sys/class/net/bond0/address | paste -sd ' ')"
echo "vlan=$(ip -d link show vlan7 | grep -o 'id 7') $(ip -br -4 addr show vlan7 | awk '{print $3}')"
echo "resolver=$(resolvectl dns | grep -o '10.0.2.3') $(resolvectl domain | grep -o 'keys.example')"
echo "host=$(head -c 5 < /dev/tcp/10.0.2.2/"$1")"
echo "agent=$(cat /tmp/agent)"
echo "title=$(systemctl show -P Description agent)"
n=0; while [ "$(wc -l < /run/flaky)" -lt 2 ] && [ $n -lt 30 ]; do sleep 1; n=$((n + 1)); done
echo "flaky=$(( $(wc -l < /run/flaky) > 1 ))"
echo "timesyncd=$(systemctl is-enabled systemd-timesyncd)"
echo "data=$(findmnt -no FSTYPE,LABEL,OPTIONS /data | tr -s ' ' | cut -d, -f1,2)"
echo x >> /data/boots
echo "boots=$(wc -l < /data/boots)"
echo "late=$(findmnt -no SOURCE,FSTYPE /late | tr -s ' ')"
echo "cache=$(findmnt -no FSTYPE /srv/cache) $(stat -c %a /srv/cache) $(findmnt -no OPTIONS /srv/cache | grep -o noexec)"
echo "logs=$(mountpoint -q /srv/logs && [ /srv/logs -ef /var/log ] && echo bound)"
echo "none=$(mountpoint -q /srv/none || echo absent)"
echo "taken=$(mountpoint -q /srv/taken || echo absent)"
echo "tmp=$(findmnt -bno SIZE /tmp) $(stat -c %a /tmp)"
echo "dropped=$(id -nG dropped) $(ldconfig -p | grep -c '=> /usr/local/lib/libcap\.so\.2$') $(ls /etc/*- 2>/dev/null | wc -l)"
# Work of the build must not run again: these units exist, had their conditions checked, and did not start.
for unit in ldconfig systemd-sysusers systemd-hwdb-update systemd-journal-catalog-update systemd-update-done; do
  [ "$(systemctl show -P LoadState $unit)" = loaded ] && [ "$(systemctl show -P ConditionTimestampMonotonic $unit)" != 0 ] \
    && [ "$(systemctl show -P ConditionResult $unit) $(systemctl show -P ActiveState $unit)" = "no inactive" ] \
    || busy="$busy $unit"
done
echo "busy=$busy"
echo "explained=$(journalctl -xb --no-pager | grep -c -m1 'Subject: ')"
echo "failed=$(systemctl list-units --failed --no-legend --plain | cut -d' ' -f1)"
echo "online=$(systemctl is-active network-online.target)"
echo "check-end=$((40 + 3))"
