# shellcheck shell=sh
# The disk that an installation writes to: which one is meant, and whether it may be.
MARK='CLAYLINUX INSTALLS' # where the header of the table will be: whatever the disk has, it is of an installation

show_disks() {
  printf '%-14s %9s  %-20s %-20s %s\n' DISK SIZE MODEL SERIAL HOLDS
  for name in $(disks); do
    printf '%-14s %9s  %-20s %-20s %s\n' "/dev/$name" "$(size_shown "$dev/$name")" \
      "$(cat "$sys/block/$name/device/model" 2>/dev/null | tr -s ' ' | cut -c 1-20)" "$(serial_of "$name" | cut -c 1-20)" \
      "$(holds "$dev/$name")"
  done
}

size_shown() { # DISK: for people
  awk -v sectors="$(sectors_of "$1")" -v sector="$(sector_of "$1")" 'BEGIN {
    size = sectors * sector / 1048576
    if (size < 1024) printf "%.0f MiB", size; else printf "%.1f GiB", size / 1024
  }'
}

holds() { # DISK: in a few words
  [ "$1" != "$medium" ] || { echo "the medium with this system"; return; }
  used=$(in_use "$1")
  [ -z "$used" ] || { echo "in use: $used"; return; }
  ! is_unfinished "$1" || { echo "an unfinished installation"; return; }
  ! has_system "$1" || { echo "this system"; return; }
  case $(table_of "$1") in
  '') if is_empty "$1"; then echo nothing; else echo "something without a partition table"; fi ;;
  *) partitions "$1" | awk '
    { sub(/^[^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ /, ""); text = text (NR > 1 ? ", " : "") ($0 == "-" ? "a partition" : $0) }
    END { print NR ? text : "an empty partition table" }' ;;
  esac
}

in_use() { # DISK: what of it the running system uses
  name=${1##*/}
  for node in "$name" $(cd "$sys/block/$name" 2>/dev/null && ls -d "$name"* 2>/dev/null); do
    awk -v node="/dev/$node" '$1 == node { print node " is mounted on " $2; exit }' "$proc/mounts"
    awk -v node="/dev/$node" '$1 == node { print node " is swap space"; exit }' "$proc/swaps" 2>/dev/null
    for holder in "$sys/block/$name/holders"/* "$sys/block/$name/$node/holders"/*; do
      [ ! -e "$holder" ] || echo "/dev/$node is part of ${holder##*/}"
    done
  done | sed -n 1p
}

is_unfinished() { # DISK: whether an installation began to write to it, and did not end
  [ "$(read_sectors "$1" 1 1 | head -c ${#MARK} | tr -d '\0')" = "$MARK" ]
}

has_system() { # DISK: whether it was installed from this medium; what is written last makes a whole table
  [ "$(partitions "$1" | awk -v type="$ESP" '$4 == type { print $2; exit }')" = $((esp_start * 2048)) ] &&
    is_same "$medium" "$1" $((esp_start * 2048)) 2048
}

is_free() { # DISK: whether nothing is there, as far as an installation writes
  is_unfinished "$1" && return
  [ -z "$(table_of "$1")" ] && is_empty "$1" && is_blank "$1" $((esp_start * 2048)) || return 1
  [ "$updates_size" = 0 ] || is_blank "$1" $((updates_start * 2048))
}

needed() { # MiB of the disk; the second table is at the end
  end=$((esp_start + esp_size + layers_size)) more=$((updates_start + updates_size))
  echo $(((end > more ? end : more) + 1))
}

fitting_disks() { # RULE
  for name in $(disks); do
    [ "$dev/$name" != "$medium" ] || continue
    case $1 in
    empty) [ -z "$(in_use "$dev/$name")" ] && is_free "$dev/$name" && is_large_enough "$dev/$name" || continue ;;
    *) is_wanted "$name" "$1" || continue ;;
    esac
    echo "$dev/$name"
  done
}

is_large_enough() { # DISK
  [ $(($(sectors_of "$1") * $(sector_of "$1") / 1048576)) -ge "$(needed)" ]
}

choose_target() { # RULE: prints the one disk that fits
  [ ! -L "$1" ] || set -- "$(readlink -f "$1")" # such as /dev/disk/by-id/...
  case $1 in
  empty | /dev/* | serial=* | wwid=*) ;;
  *) refuse "which disk is \"$1\"? Write /dev/..., serial=... or wwid=...: claylinux install --disks lists them"; return 1 ;;
  esac
  fitting=$(fitting_disks "$1")
  case $(echo "$fitting" | grep -c .) in
  1) echo "$fitting" ;;
  0)
    case $1 in
    empty) refuse "no disk is empty, unused and has $(needed) MiB: name one, with --wipe if what it holds may be lost" ;;
    *) refuse "there is no disk $1, apart from the medium" ;;
    esac
    return 1
    ;;
  *) refuse "several disks fit, so none was taken: $(echo "$fitting" | tr '\n' ' ')"; return 1 ;;
  esac
}

check_target() { # DISK: says why it cannot be written
  name=${1##*/}
  [ "$1" != "$medium" ] || { refuse "$1 is the medium with this system"; return 1; }
  if [ -d "$sys/block/$name" ]; then
    [ "$(cat "$sys/block/$name/ro")" = 0 ] || { refuse "$1 is read-only"; return 1; }
    [ "$(sector_of "$1")" = 512 ] ||
      { refuse "$1 has sectors of $(sector_of "$1") bytes; the file system of the medium is for 512"; return 1; }
    used=$(in_use "$1")
    [ -z "$used" ] || { refuse "$1 is in use: $used"; return 1; }
  elif ! [ -f "$1" ]; then
    refuse "$1 is no disk: claylinux install --disks lists them"
    return 1
  fi
  is_large_enough "$1" || { refuse "$1 is too small: it has $(size_shown "$1"), and $(needed) MiB are needed"; return 1; }
  [ "$wipe" = yes ] || is_free "$1" || { refuse "$1 is not empty: it holds $(holds "$1"). If that may be lost: --wipe"; return 1; }
}
