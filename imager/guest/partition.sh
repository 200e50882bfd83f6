# shellcheck shell=sh
# The partition that stays. While it is made, its name ends with `.new`: whatever happens then, nothing of value is on
# it, and the next boot makes its file system anew.

state_partition() { # prints the device; makes it where there is none
  wait_for_disks 5 30
  found=$(find_state)
  case $(echo "$found" | grep -c .) in
  0) make_state ;;
  1) use_state "$found" ;;
  *) problem "several disks have a partition called $state_label: $(echo "$found" | cut -d ' ' -f 1 | tr '\n' ' ')" ;;
  esac
}

# Until there is a disk that is meant; where nobody knows which, until there is no new one any more.
wait_for_disks() { # SECONDS-WITHOUT-A-NEW-ONE AT-MOST
  boot=$(boot_partition)
  begun=$(seconds) seen=''
  while :; do
    load_drivers
    now=$(ls "$sys/class/block" 2>/dev/null)
    if [ "$now" != "$seen" ]; then
      seen=$now news=$(seconds)
      [ -z "$(find_state)" ] && [ -z "$(chosen_disks)" ] || return 0
    fi
    [ $(($(seconds) - ${news:-$begun})) -lt "$1" ] ||
      { [ -n "$boot" ] && [ $(($(seconds) - begun)) -lt "$2" ]; } || return 0
    sleep 0.2
  done
}

seconds() { # since the machine was turned on
  cut -d . -f 1 "$proc/uptime"
}

find_state() { # a line for each partition that is ours, on the disk that is meant: disk, number, name
  case $state_disk:$boot in boot: | empty:*) places=$(disks) ;; *) places=$(chosen_disks) ;; esac
  for name in $places; do
    partitions "$dev/$name" | awk -v disk="$name" -v type="$state_type" -v label="$state_label" '
      $4 == type && ($6 == label || $6 == label ".new") { print disk, $1, $6 }'
  done
}

chosen_disks() { # the disks that the rule of the build file names
  case $state_disk in
  boot)
    [ -n "$boot" ] || return 0
    for name in $(disks); do
      partitions "$dev/$name" | awk -v disk="$name" -v guid="$boot" '$5 == guid { print disk }'
    done
    ;;
  empty) ;;
  *) for name in $(disks); do ! is_wanted "$name" "$state_disk" || echo "$name"; done ;;
  esac
}

empty_disks() {
  for name in $(disks); do
    [ -n "$(table_of "$dev/$name")" ] || ! is_empty "$dev/$name" || echo "$name"
  done
}

is_empty() { # DISK: whether its first and its last MiB are blank
  is_blank "$1" 0 && is_blank "$1" $(($(sectors_of "$1") - 1048576 / $(sector_of "$1")))
}

make_state() {
  case $state_disk in empty) names=$(empty_disks) ;; *) names=$(chosen_disks) ;; esac
  case $(echo "$names" | grep -c .) in
  0)
    case $state_disk in
    boot) problem "no disk: the firmware does not say what the machine booted from, or it is no disk" ;;
    empty) problem "no disk is empty" ;;
    *) problem "there is no disk $state_disk" ;;
    esac
    ;;
  1) restore_partition "$dev/$names" || add_partition "$dev/$names" ;;
  *) problem "which disk is meant is not clear, so none was taken: $(echo "$names" | tr '\n' ' ')" ;;
  esac
}

add_partition() { # DISK: into empty space
  disk=$1
  sector=$(sector_of "$disk")
  case $(table_of "$disk") in
  gpt) options=--append ;;
  '')
    is_empty "$disk" || { problem "$disk has no partition table, but is not empty: it was left as it is"; return 1; }
    options=--label=gpt
    ;;
  *) problem "the partition table of $disk is not a GPT: it was left as it is"; return 1 ;;
  esac
  set -- $(free_space "$disk")
  unit=$((1048576 / sector))
  need=$((state_size > least ? state_size : least))
  [ "${2:-0}" -ge $((need * unit)) ] || {
    problem "$disk has no room: $need MiB are needed, and $((${2:-0} / unit)) MiB in one piece are free: it was left as it is"
    return 1
  }
  is_blank "$disk" "$1" || {
    problem "the free space of $disk is not empty, and was left as it is: to give it up, run dd if=/dev/zero of=$disk bs=1M seek=$(($1 / unit)) count=1, and reboot"
    return 1
  }
  size=$2
  [ "$state_size" = 0 ] || size=$((state_size * unit))
  note "making a partition of $((size / unit)) MiB on $disk, in empty space"
  echo "start=$1, size=$size, type=$state_type, name=\"$state_label.new\"" | change_table "$disk" "$options" || {
    problem "sfdisk could not add a partition to $disk"
    return 1
  }
  use_state "$(find_state)"
}

# After another image was written over the start of the disk, the first table knows nothing of the partition. The second
# one, at the end of the disk, still does, as the image is smaller than the disk.
restore_partition() { # DISK; fails if there is nothing to restore
  sector=$(sector_of "$1") total=$(sectors_of "$1")
  rows=$((128 * 128 / sector))
  [ "$(read_sectors "$1" $((total - 1)) 1 | head -c 8 | tr -d '\0')" = "EFI PART" ] || return 1
  row=$(read_sectors "$1" $((total - 1 - rows)) "$rows" | od -An -v -tx1 | tr -d ' \n' | fold -w 256 |
    grep -m 1 "^$(bytes_of_guid "$state_type")") || return 1
  start=$(number_of "$(echo "$row" | cut -c 65-80)") end=$(number_of "$(echo "$row" | cut -c 81-96)")
  [ "$(label_at "$1" "$start")" = "$state_label" ] || return 1
  [ -z "$(partitions "$1" | awk -v start="$start" -v end="$end" '$2 <= end && start < $2 + $3')" ] || {
    problem "a partition of $1 is over the one that stays: it was left as it is"
    return 0
  }
  note "the partition table of $1 is new: adding the partition that stays again"
  echo "start=$start, size=$((end - start + 1)), type=$state_type, name=\"$state_label\"" | change_table "$1" --append || {
    problem "sfdisk could not add the partition of $1 again"
    return 0
  }
  use_state "$(find_state)"
}

label_at() { # DISK FIRST-SECTOR: of the file system or the encrypted volume that starts there
  case $state_encrypt in '') at=1145 ;; *) at=25 ;; esac
  read_sectors "$1" "$2" $((4096 / $(sector_of "$1"))) | tail -c "+$at" | head -c 16 | tr -d '\0'
}

use_state() { # "DISK NUMBER NAME": finish it if it is new, let it grow, print its device
  set -- $1
  node=$(node_of "$dev/$1" "$2")
  # After a power cut there may be only the second table, which sfdisk reads and the kernel does not: this writes both.
  is_shown "$node" || write_table "$dev/$1" --part-label "$2" "$3"
  if [ "$3" != "$state_label" ]; then
    make_filesystem "$node" || return 1
    sync
    write_table "$dev/$1" --part-label "$2" "$state_label" ||
      { problem "sfdisk could not name the partition $node"; return 1; }
  elif [ "$state_size" = 0 ]; then
    grow_partition "$dev/$1" "$2"
  fi
  wait_for_node "$node" && echo "$node"
}

node_of() { # DISK NUMBER
  case $1 in *[0-9]) echo "$1p$2" ;; *) echo "$1$2" ;; esac
}

is_shown() { [ -e "$1" ]; } # NODE

wait_for_node() { # after a change of the table, the kernel makes its devices anew
  tries=0
  until is_shown "$1"; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || { problem "the kernel shows no $1"; return 1; }
    sleep 0.1
  done
}

make_filesystem() { # NODE
  wait_for_node "$1" || return 1
  if [ -n "$state_encrypt" ]; then
    make_volume "$1"
  else
    mkfs.ext4 -q -F -L "$state_label" "$1" </dev/null >/dev/null 2>&1 || { problem "mkfs.ext4 failed on $1"; return 1; }
  fi
}

grow_partition() { # DISK NUMBER: into free space behind it, where the disk has grown
  set -- "$1" "$2" $(partitions "$1" | awk -v number="$2" '
    { first[$1] = $2; end[$1] = $2 + $3; size[$1] = $3 }
    END {
      for (each in first) if (first[each] >= end[number]) exit # it is not the last one
      printf "%.0f %.0f", end[number], size[number]
    }')
  [ -n "${4-}" ] || return 0
  unit=$((1048576 / $(sector_of "$1")))
  gain=$((($(sectors_of "$1") - unit - $3) / unit)) # the second table is at the end
  [ "$gain" -ge "$least" ] || return 0
  note "the disk $1 has grown: the partition takes $gain MiB more"
  echo ", $(($4 + gain * unit))" | change_table "$1" -N "$2" || problem "sfdisk could not let the partition on $1 grow"
}

mount_state() { # NODE
  modprobe -q ext4
  if [ -n "$state_encrypt" ]; then # whoever has the disk could put another file system there
    is_luks "$1" || { problem "$1 is not encrypted, as the build file wants it: it was left as it is"; return 1; }
    set -- "$(open_volume "$1")"
    [ -n "$1" ] || return 1
  fi
  e2fsck -p "$1" >/dev/null 2>&1 || [ $? -lt 4 ] || {
    note "the file system on $1 is damaged: repairing it"
    repair_state "$1" || { problem "the file system on $1 cannot be repaired"; return 1; }
  }
  mount -t ext4 -o nodev,nosuid,errors=remount-ro "$1" "$root$store" || { problem "the file system on $1 cannot be mounted"; return 1; }
  resize2fs "$1" >/dev/null 2>&1 || note "the file system on $1 did not grow"
}

repair_state() { # NODE: one run ends, for example, when it has read the journal by a copy of the superblock; the next goes on
  for _ in 1 2 3; do
    e2fsck -f -y "$1" >/dev/null 2>&1
    [ $? -ge 4 ] || return 0
  done
  return 1
}
