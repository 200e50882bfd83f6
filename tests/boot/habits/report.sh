#!/bin/sh
# Says on the serial console what runs once the boot is complete, then powers the machine off.
systemctl is-system-running --wait >/run/state
hostnamectl >/dev/null 2>&1
active() { systemctl is-active "$1"; }
dmesg -n 1
{
  echo "report-begin=42"
  for unit in getty@tty1 serial-getty@ttyS0 systemd-hostnamed tmp.mount apt-daily.timer ssh.service ssh.socket cron postfix; do
    echo "$unit=$(active "$unit")"
  done
  echo "agetty=$(pgrep -c agetty)"
  echo "state=$(cat /run/state)"
  echo "ping=$(su ada -c 'ping -qc1 127.0.0.1' | grep -c ' 0% packet loss')"
  echo "mailname=$(cat /etc/mailname)"
  echo "lists=$(find /var/lib/apt/lists /var/cache/apt -type f -size +0 | wc -l)"
  echo "policy=$(ls /usr/sbin/policy-rc.d 2>/dev/null)"
  echo "zone=$(date -d @0 +%Z) $(cat /etc/timezone) $(timedatectl show -p Timezone --value)"
  echo "locale=$(systemctl show-environment | grep ^LANG=) $(su - ada -c env | grep ^LANG=)"
  echo "spoken=$(date -d @0 +%A)"
  echo "keyboard=$(systemctl is-active keyboard-setup) $(dumpkeys -C /dev/tty1 | grep -c '^keycode  *21 = +\?z ')"
  echo "swap=$(awk '$1 == "/dev/zram0" { print $2, $5, ($3 > 400000 && $3 < 600000) }' /proc/swaps) $(grep -o '\[.*]' /sys/block/zram0/comp_algorithm)"
  # Programs and the kernel itself ask for these by name: the set of modules for virtual machines has them.
  lacking=
  for name in ext4 btrfs xfs fs-vfat isofs nls_utf8 nls_cp437 net-pf-40 overlay veth bridge br_netfilter nf_tables \
    nft_masq iptable_nat ip6table_filter xt_conntrack ip_set_hash_ip fuse tun wireguard binfmt_misc dm_crypt dm_verity \
    raid1 crypto-xts nvme ahci sd_mod virtio_scsi virtio_net virtio_rng nbd vxlan macvlan bonding 8021q nfs nfsd cifs \
    tcp_bbr sch_fq ena hv_storvsc xen_netfront vmxnet3 vmw_pvscsi softdog; do
    modprobe -n "$name" 2>/dev/null || lacking="$lacking $name"
  done
  echo "lacking=$lacking"
  echo "report-end=43"
} >/dev/ttyS0
systemctl poweroff
