# shellcheck shell=sh
# What an installation copies: the medium that the machine booted from, or a file that is like one.
LINUX=0fc63daf-8483-4772-8e79-3d69d8477de4

# Our media have sectors of 512 bytes in their tables, whatever a drive says: that of an ISO is not read by sfdisk.
medium_rows() { # MEDIUM: a line for each partition: type and GUID in hexadecimal, first sector, sectors, name as it is
  [ "$(dd if="$1" bs=512 skip=1 count=1 2>/dev/null | head -c 8 | tr -d '\0')" = "EFI PART" ] || return 0
  dd if="$1" bs=512 skip=2 count=32 2>/dev/null | od -An -v -tx1 | tr -d ' \n' | fold -w 256 |
    grep -v '^0\{32\}' | while read -r row; do
    start=$(number_of "$(echo "$row" | cut -c 65-80)")
    echo "$(echo "$row" | cut -c 1-32) $(echo "$row" | cut -c 33-64) $start" \
      $(($(number_of "$(echo "$row" | cut -c 81-96)") - start + 1)) "$(echo "$row" | cut -c 113-256)"
  done
}

medium_part() { # MEDIUM TYPE: first MiB and MiB of its only partition of a type
  medium_rows "$1" | awk -v type="$(bytes_of_guid "$2")" '
    $1 == type { count++; start = $3; size = $4 }
    END { if (count == 1 && !(start % 2048) && !(size % 2048)) print start / 2048, size / 2048 }'
}

find_medium() { # sets `medium`, `esp_start` and `esp_size` in MiB, and what other partition it has
  if [ -n "$from" ]; then
    medium=$from
    [ -r "$medium" ] || { refuse "there is no $from"; return 1; }
  else
    medium=$(booted_medium) || return 1
  fi
  set -- $(medium_part "$medium" "$ESP")
  [ -n "${2-}" ] || { refuse "$medium is no medium of Claylinux: it has not one EFI partition at a whole MiB"; return 1; }
  esp_start=$1 esp_size=$2
  [ "$(dd if="$medium" bs=512 skip=$((esp_start * 2048)) count=1 2>/dev/null | od -An -v -tx1 | tr -d ' \n' | cut -c 1021-)" = 55aa ] ||
    { refuse "the EFI partition of $medium has no file system, or cannot be read"; return 1; }
  set -- $(medium_layers)
  layers_size=${1:-0} layers_guid=${2-}
  set -- $(medium_part "$medium" "$XBOOTLDR")
  updates_start=${1:-0} updates_size=${2:-0}
  [ -z "${update_name-}" ] || [ "$updates_size" != 0 ] || plan_updates
}

# With `rootfs: {source: disk}`, the rest of the system is behind the EFI partition, in one that is known by its GUID.
medium_layers() { # prints its MiB and the GUID
  medium_rows "$medium" | awk -v type="$(bytes_of_guid "$LINUX")" -v start=$(((esp_start + esp_size) * 2048)) '
    $1 == type && $3 == start && $5 ~ /^4c0041005900450052005300(00)*$/ { print $4 / 2048, $2 }' # LAYERS, in UTF-16
}

guid_of_bytes() { # HEXADECIMAL: as text
  echo "$1" | sed -E 's/^(..)(..)(..)(..)(..)(..)(..)(..)(....)/\4\3\2\1-\6\5-\8\7-\9-/'
}

# With `update`, the medium has an index of its program, which we can verify: firmware does so only with Secure Boot.
verify_medium() {
  [ -z "${update_name-}" ] || judge_medium program_problem
}

judge_medium() { # COMMAND: it gets the directory with the content of the EFI partition, and prints what is wrong
  mkdir -p "$work/esp" && attach_medium "$work/esp" || { refuse "the EFI partition of $medium cannot be read"; return 1; }
  why=$("$1" "$work/esp")
  detach_medium "$work/esp"
  [ -z "$why" ] || { refuse "$medium is damaged, or not ours: $why"; return 1; }
}

attach_medium() { # POINT: a loop device, as no disk but ours has a device for its partition
  loop=$(losetup -f) && losetup -r -o $((esp_start * 1048576)) "$loop" "$medium" && mount -t vfat -o ro "$loop" "$1"
}

detach_medium() { # POINT
  umount "$1"
  losetup -d "$loop"
}

medium_index() { # DIRECTORY: sets `index`, which somebody has signed whom the system trusts; else prints why not
  set -- "$1"/claylinux/*.pieces
  [ $# = 1 ] && [ -f "$1" ] || { echo "it has not one index"; return 1; }
  index=$1
  is_signed "$1" "$1.sig" "$ours/update.pem" || { echo "its index is not signed by a key of this system"; return 1; }
  [ "$(index_value "$1" name)" = "$update_name" ] || { echo "it has the system $(index_value "$1" name)"; return 1; }
}

program_problem() { # DIRECTORY
  medium_index "$1" || return
  program=${index##*/}
  [ "$(digest_of "$1/EFI/Linux/${program%.pieces}.efi")" = "$(index_value "$index" sha256)" ] ||
    echo "its program is not that of its index"
}

space_problem() { # DIRECTORY: writes the MiB for new versions to the file $work/space
  medium_index "$1" || return
  index_value "$index" space | awk '/^[1-9][0-9]*$/ { printf "%.0f", $1 / 1048576 }' >"$work/space"
  [ -s "$work/space" ] || echo "its index does not say how much space new versions get"
}

plan_updates() { # an ISO has no room for them: as much as a disk image of this system would have
  judge_medium space_problem || return 1
  updates_start=$((esp_start + esp_size + layers_size)) updates_size=$(cat "$work/space")
}

booted_medium() { # prints the disk, or the CD
  boot=$(boot_partition)
  if [ -n "$boot" ]; then
    found=$(all_disks | while read -r name; do
      medium_rows "$dev/$name" | grep "^.\{32\} $(bytes_of_guid "$boot") " >/dev/null && echo "$dev/$name"
    done)
    what="the partition $boot, from which the machine booted,"
  else # firmware has no name for the boot from a CD
    found=$(compact_discs | while read -r name; do
      [ "$(dd if="$dev/$name" bs=2048 skip=16 count=1 2>/dev/null | tail -c +447 | head -c 9 | tr -d '\0')" = CLAYLINUX ] &&
        echo "$dev/$name"
    done)
    what="a medium from which the machine booted"
  fi
  case $(echo "$found" | grep -c .) in
  1) echo "$found" ;;
  0) refuse "$what is on no disk: after a boot over the network, name an image of this system with --from"; return 1 ;;
  *) refuse "$what is on several: $(echo "$found" | tr '\n' ' ')"; return 1 ;;
  esac
}

all_disks() { # also those that are only read
  for each in "$sys"/block/*; do
    case ${each##*/} in loop* | ram* | zram* | fd* | dm-* | md* | nbd*) continue ;; esac
    [ ! -e "$dev/${each##*/}" ] || echo "${each##*/}"
  done
}

compact_discs() {
  modprobe -q sr_mod 2>/dev/null
  all_disks | grep '^sr'
}
