# shellcheck shell=sh
# What an installation writes, in an order that a power cut cannot harm: our mark, the content, the table, and last the
# one sector with the table's header, which replaces the mark. Until then firmware and kernels see no partitions, and the
# same command can be run again.
chunk=16 # MiB between two reports

plan_table() { # DISK: writes the table to the file $work/table, which is as large as the disk
  total=$(sectors_of "$1")
  dd if=/dev/null of="$work/table" bs=512 seek="$total" 2>/dev/null || return 1
  {
    printf 'label: gpt\nlabel-id: %s\n' "$(new_guid)"
    table_row "$esp_start" "$esp_size" "$ESP" "$(new_guid)" "EFI System Partition"
    [ "$layers_size" = 0 ] ||
      table_row $((esp_start + esp_size)) "$layers_size" "$LINUX" "$(guid_of_bytes "$layers_guid")" LAYERS
    [ "$updates_size" = 0 ] || table_row "$updates_start" "$updates_size" "$XBOOTLDR" "$(new_guid)" UPDATES
  } | sfdisk --quiet "$work/table" >"$work/told" 2>&1 || { refuse "sfdisk: $(tail -n 1 "$work/told")"; return 1; }
}

table_row() { # START SIZE TYPE GUID NAME: in MiB
  echo "start=$(($1 * 2048)), size=$(($2 * 2048)), type=$3, uuid=$4, name=\"$5\""
}

# Its GUIDs are new: while the medium is in the machine as well, they say which of them it booted from. They are of
# version 4, which `is_installed` looks for; sfdisk's own have the digit elsewhere.
new_guid() {
  cat /proc/sys/kernel/random/uuid
}

write_disk() { # DISK
  content=$((esp_size + layers_size)) # one behind the other
  mark_disk "$1" && copy_part "$1" && make_updates "$1" && compare_part "$1" && clear_rest "$1" && put_table "$1" ||
    { refuse "the installation on $1 has failed, and can be run again"; return 1; }
}

put() { # FILE DISK FIRST COUNT
  copy_sectors "$@" ,fsync ||
    { refuse "$2 cannot be written: sectors $3 to $(($3 + $4 - 1))"; return 1; }
}

mark_disk() { # DISK: our mark, and nothing where tables are
  dd if=/dev/null of="$work/blank" bs=512 seek=2048 2>/dev/null
  printf '%s' "$MARK" | dd of="$work/blank" bs=512 seek=1 conv=notrunc 2>/dev/null
  put "$work/blank" "$1" 1 1 && put "$work/blank" "$1" 0 1 && put "$work/blank" "$1" 2 2046 || return 1
  dd if=/dev/zero of="$1" bs=512 seek=$((total - 2048)) count=2048 conv=notrunc,fsync 2>/dev/null ||
    { refuse "the end of $1 cannot be written"; return 1; }
}

copy_part() { # DISK
  at=0
  while [ "$at" -lt "$content" ]; do
    size=$((content - at < chunk ? content - at : chunk)) place=$((esp_start + at))
    dd if="$medium" of="$1" bs=1048576 skip="$place" seek="$place" count="$size" conv=notrunc 2>/dev/null ||
      { refuse "copying stopped at MiB $place: $medium cannot be read, or $1 cannot be written"; return 1; }
    at=$((at + size))
    progress Copied "$at" "$content"
  done
  flush "$1"
}

flush() { # DISK: all that was written, from the memory of the disk, too
  dd if=/dev/null of="$1" conv=notrunc,fsync 2>/dev/null || { refuse "$1 did not take all that was written"; return 1; }
}

compare_part() { # DISK
  { echo 3 >"$proc/sys/vm/drop_caches"; } 2>/dev/null # the kernel would answer from memory
  at=0
  while [ "$at" -lt "$content" ]; do
    size=$((content - at < chunk ? content - at : chunk))
    is_same "$medium" "$1" $(((esp_start + at) * 2048)) $((size * 2048)) ||
      { refuse "$1 gives back other bytes than $medium, after MiB $((esp_start + at)): one of them is damaged"; return 1; }
    at=$((at + size))
    progress Checked "$at" "$content"
  done
}

make_updates() { # DISK: an empty file system
  [ "$updates_size" != 0 ] || return 0
  first=$((updates_start * 2048))
  mkfs.vfat -I -n UPDATES -h "$first" --offset="$first" "$1" $((updates_size * 1024)) >"$work/told" 2>&1 ||
    { refuse "mkfs.vfat: $(tail -n 1 "$work/told")"; return 1; }
  flush "$1"
}

clear_rest() { # DISK: where `state` will make its partition, it must not take what may be lost for something of value
  [ "$wipe" = yes ] || return 0
  set -- "$1" $(free_space "$work/table")
  [ -z "${2-}" ] || is_blank "$1" "$2" ||
    dd if=/dev/zero of="$1" bs=512 seek="$2" count=2048 conv=notrunc,fsync 2>/dev/null
}

put_table() { # DISK: backwards, so that its header comes last
  put "$work/table" "$1" $((total - 33)) 33 &&
    put "$work/table" "$1" 2 32 &&
    put "$work/table" "$1" 0 1 &&
    put "$work/table" "$1" 1 1 || return 1
  { echo 3 >"$proc/sys/vm/drop_caches"; } 2>/dev/null
  is_same "$work/table" "$1" 0 34 && is_same "$work/table" "$1" $((total - 33)) 33 ||
    { refuse "$1 does not give back its partition table: it is damaged"; return 1; }
  [ ! -b "$1" ] || blockdev --rereadpt "$1" 2>/dev/null
  return 0
}

is_same() { # FILE DISK FIRST COUNT: whether both have the same sectors
  cmp -s -n $(($4 * 512)) "$1" "$2" $(($3 * 512)) $(($3 * 512))
}

progress() { # WHAT DONE ALL: MiB
  percent=$(($2 * 100 / $3))
  if [ "$auto" != yes ] && [ -t 1 ]; then
    printf '\r%-8s [%-50s] %3d %% of %d MiB' "$1" "$(printf '%*s' $((percent / 2)) '' | tr ' ' '#')" "$percent" "$3"
    [ "$2" != "$3" ] || echo
  elif [ "$2" = "$3" ] || [ $((percent / 10)) != "${tenth-}" ]; then
    tenth=$((percent / 10))
    report "$1 $percent % of $3 MiB"
  fi
}
