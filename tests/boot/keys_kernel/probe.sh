#!/bin/sh
# Prints the effect of the kernel key on this system: one `name=value` per line.
cd /lib/modules/"$(uname -r)" || exit
has() { lsmod | grep -q "^$1 " && echo yes || echo no; }
loads() { modprobe "$1" 2>/dev/null && echo yes || echo no; }
echo "probe-begin=$((6 * 7))"
echo "loaded=$(has br_netfilter) $(has dummy) $(has bridge)"
echo "veth=$(loads veth)"
echo "recent=$(loads xt_recent)"
echo "nfs=$(loads nfs)"
echo "overlay=$(loads overlay)"
echo "alias=$(modprobe --resolve-alias rtnl-link-veth)"
echo "listed=$(grep -c : modules.dep) of $(find . -name '*.ko*' | wc -l)"
echo "sysctl=$(cat /proc/sys/net/ipv4/ip_forward) $(cat /proc/sys/kernel/panic)"
echo "firmware=$(cd /usr/lib/firmware && find . -type f | sort | tr '\n' ' ')"
echo "failed=$(systemctl --failed --quiet | wc -l)"
echo "probe-end=$((6 * 7 + 1))"
