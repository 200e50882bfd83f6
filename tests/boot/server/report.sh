#!/bin/sh
# Says what this server can do with the modules that it has: one `name=value` per line.
lacking=
for name in ext4 btrfs xfs fs-vfat nls_cp437 br_netfilter nf_tables dm_crypt dm_verity raid1 nvme ahci usb_storage \
  usbhid virtio_scsi e1000e igb ice mlx5_core nfs nfsd cifs 9p kvm_intel; do
  modprobe -n "$name" 2>/dev/null || lacking="$lacking $name"
done
echo "report-begin=$((6 * 7))"
echo "lacking=$lacking"
echo "left-out=$(for name in snd i915 iwlwifi; do modprobe -n "$name" 2>/dev/null && printf '%s ' "$name"; done)"
nft add table inet t && nft 'add chain inet t c { type filter hook input priority 0; }' &&
  nft add rule inet t c ct state established counter accept && echo "nft=yes"
iptables -t nat -A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE && echo "iptables=yes"
ip link add wg0 type wireguard && echo "wireguard=yes"
mkdir -p /run/tiny/bin && cp /usr/bin/busybox /run/tiny/bin/sh
tar -c -C /run/tiny . | podman import --quiet - tiny >/dev/null
echo "container=$(podman run --rm --network bridge tiny /bin/sh -c 'echo $((40 + 2)); ip -4 -o addr show eth0 | grep -c inet' | tr '\n' ' ')"
echo "nginx=$(busybox wget -q -O - http://127.0.0.1/ | grep -c '<h1>Welcome to nginx')"
echo "ssh=$(systemctl is-active ssh)"
echo "failed=$(systemctl --failed --plain --no-legend | tr '\n' ' ')"
echo "report-end=$((6 * 7 + 1))"
