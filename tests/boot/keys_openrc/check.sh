#!/bin/sh
# Prints the guest's own view; the token is computed, so an echoed command line cannot fake it. $1: a port of the host.
echo "check-begin=$((40 + 2))"
echo "op=$(id op)"
echo "key=$(cut -d' ' -f3 /home/op/.ssh/authorized_keys)"
echo "locked=$(grep ^agent: /etc/shadow | cut -d: -f2,8)"
echo "address=$(ip -4 addr show dev eth0 | grep -o 'mtu 1400\|inet 10.0.2.15/24' | tr '\n' ' ')"
echo "routes=$(ip route | grep -c '^default via 10.0.2.2\|^10.9.0.0/16 via 10.0.2.2 .*metric 50')"
echo "rule=$(ip rule | grep -o '^70:.* lookup 7' | tr -s '\t ' ' ') $(ip route show table 7 | cut -d' ' -f1-3)"
echo "ipv6=$(ip -6 addr show dev eth0 | wc -l)"
echo "spanning=$(cd /sys/class/net/br0/bridge && cat stp_state forward_delay priority | tr '\n' ' ')"
echo "bond=$(cat /sys/class/net/bond0/bonding/mode /sys/class/net/bond0/bonding/miimon /sys/class/net/bond0/address | tr '\n' ' ')"
echo "bridge=$(ls /sys/class/net/br0/brif) $(ip -4 addr show dev br0 | grep -o 'inet [^ ]*')"
echo "resolver=$(tr '\n' ' ' < /etc/resolv.conf)"
echo "host=$(nc 10.0.2.2 "$1" < /dev/null)"
echo "worker=$(cat /tmp/worker)"
n=0; while [ "$(wc -l < /run/flaky)" -lt 2 ] && [ $n -lt 30 ]; do sleep 1; n=$((n + 1)); done
echo "flaky=$([ "$(wc -l < /run/flaky)" -gt 1 ] && echo again)"
# If `plain` restarted by mistake, it would have done so by now.
echo "plain=$(cat /tmp/plain)"
echo "once=$(cat /tmp/once)"
echo "ntpd=$(find /etc/runlevels -name ntpd)"
echo "cache=$(mount | grep -c ' on /srv/cache type tmpfs .*noexec.*mode=755')"
echo "tmp=$(df -m /tmp | tail -1 | tr -s ' ' | cut -d' ' -f2) $(stat -c %a /tmp)"
# These two end as they were made to.
echo "crashed=$(rc-status -a -f ini | grep crashed | grep -v '^flaky\|^plain')"
echo "data=$(mount | grep -o 'on /srv/data type ext4') $(blkid /dev/vda | grep -o 'LABEL="[A-Z]*"')"
echo "seed=$(cat /tmp/seed)"
echo "zone=$(date -d @0 +%Z)"
echo "locale=$(su -l op -s /bin/sh -c 'echo $LANG')"
# Where a US keyboard has the letter y: seven bytes are a name, and 256 say which tables follow.
echo "keyboard=$(rc-service loadkmap status 2>&1 | grep -o started) $(dumpkmap < /dev/tty1 | tail -c +$((7 + 256 + 2 * 21 + 1)) | head -c 1)"
echo "swap=$(awk 'NR > 1 { print $1, $3, $5 }' /proc/swaps | sort | tr '\n' ' ')"
echo "check-end=$((40 + 3))"
