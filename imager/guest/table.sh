# shellcheck shell=sh
# Partition tables, as sfdisk(8) reads and writes them.
ESP=c12a7328-f81f-11d2-ba4b-00a0c93ec93b
XBOOTLDR=bc13c2ff-59e6-4262-a352-b275fd6f7172 # UPDATES, the place of new versions
least=16 # MiB of a partition, and of what it grows by

partitions() { # DISK: a line for each partition: number, first sector, sectors, type, GUID, name
  sfdisk --dump "$1" 2>/dev/null | awk -v disk="$1" '
    function value(key) {
      if (!match($0, key "= *[^,]*")) return "-"
      found = substr($0, RSTART + length(key) + 1, RLENGTH - length(key) - 1)
      gsub(/[ "]/, "", found)
      return found == "" ? "-" : found
    }
    index($0, disk) == 1 && / : start=/ {
      number = substr($0, length(disk) + 1)
      sub(/ : start=.*/, "", number)
      sub(/^p/, "", number)
      name = match($0, /name="[^"]*"/) ? substr($0, RSTART + 6, RLENGTH - 7) : "-"
      print number, value("start"), value("size"), tolower(value("type")), tolower(value("uuid")), name
    }'
}

table_of() { # DISK: gpt, dos, or nothing
  sfdisk --dump "$1" 2>/dev/null | sed -n 's/^label: //p'
}

sector_of() { # DISK: the bytes of a sector
  cat "$sys/block/${1##*/}/queue/logical_block_size" 2>/dev/null || echo 512
}

sectors_of() { # DISK: how many it has; the kernel counts in 512 bytes. A file can be a disk, too
  [ -r "$sys/block/${1##*/}/size" ] || { echo $(($(wc -c <"$1") / 512)); return; }
  awk -v sector="$(sector_of "$1")" '{ printf "%.0f\n", $1 * 512 / sector }' "$sys/block/${1##*/}/size"
}

# The largest space that no partition has, in whole MiB: first sector, sectors. Behind the EFI partition and that of the
# layers, as much again stays free: a larger version can be written over it.
free_space() { # DISK
  partitions "$1" | sort -n -k 2 | awk -v total="$(sectors_of "$1")" -v sector="$(sector_of "$1")" -v esp="$ESP" '
    function offer(from, to) {
      first = int((from + unit - 1) / unit) * unit
      size = int((to - first) / unit) * unit
      if (size > best) { best = size; start = first }
    }
    BEGIN { unit = 1048576 / sector; at = unit }
    {
      offer(at, $2)
      at = $2 + $3
      if ($4 == esp || $6 == "LAYERS") at += at
      if ($6 == "UPDATES") at += unit # the second table of the image as it was built
    }
    END {
      offer(at, total - unit) # the second table is at the end
      if (best > 0) printf "%.0f %.0f\n", start, best
    }'
}

is_blank() { # DISK FIRST-SECTOR: whether no file system, RAID or volume group can start here: all of them write there
  [ "$(read_sectors "$1" "$2" $((1048576 / $(sector_of "$1"))) | tr -d '\0' 2>/dev/null | head -c 1 | wc -c)" = 0 ]
}

read_sectors() { # DISK FIRST COUNT
  dd if="$1" bs="$(sector_of "$1")" skip="$2" count="$3" 2>/dev/null
}

bytes_of_guid() { # GUID: in hexadecimal, as a table has it
  echo "$1" | sed -E 's/^(..)(..)(..)(..)-(..)(..)-(..)(..)-/\4\3\2\1\6\5\8\7/; s/-//'
}

number_of() { # eight bytes in hexadecimal, the lowest first
  echo $((0x$(echo "$1" | sed -E 's/(..)(..)(..)(..)(..)(..)(..)(..)/\8\7\6\5\4\3\2\1/')))
}

change_table() { # DISK SFDISK-OPTION...: with a script on the standard input
  disk=$1
  shift
  write_table "$disk" "--wipe never --wipe-partitions never $*"
}

# sfdisk writes both tables before it asks the disk to keep them, and each is several sectors: a power cut could leave no
# whole one. So it changes a copy, and the second table is on the disk for sure before the first one is touched. Firmware
# and sfdisk make one from the other. (A copy is a file, and files have sectors of 512 bytes only.)
write_table() { # DISK SFDISK-OPTIONS [WORD...]: the words follow the name of the disk
  whole=$1 options=$2
  shift 2
  case $(sector_of "$whole") in
  512) write_in_turn "$@" ;;
  *) sfdisk --quiet --no-reread --no-tell-kernel $options "$whole" "$@" >/dev/null 2>&1 ;;
  esac && tell_kernel "$whole"
}

write_in_turn() { # [WORD...]
  plan=$said.table end=$(sectors_of "$whole") # in memory
  copy_sectors "$whole" "$plan" 0 34 && copy_sectors "$whole" "$plan" $((end - 33)) 33 &&
    sfdisk --quiet $options "$plan" "$@" >/dev/null 2>&1 &&
    copy_sectors "$plan" "$whole" $((end - 33)) 33 ,fsync && copy_sectors "$plan" "$whole" 0 34 ,fsync
  code=$?
  rm -f "$plan"
  return $code
}

copy_sectors() { # FROM TO FIRST COUNT [,fsync]: of 512 bytes, to the same place; fsync: before anything that follows
  dd if="$1" of="$2" bs=512 skip="$3" seek="$3" count="$4" conv="notrunc${5-}" 2>/dev/null
}

# The kernel does not read the whole table of a disk again while the system has its layers there: it gets what is new.
tell_kernel() { # DISK
  if is_in_use "$1"; then
    partx --update "$1"
  elif [ -b "$1" ]; then
    blockdev --rereadpt "$1" 2>/dev/null || :
  fi
}

is_in_use() { # DISK: whether the device mapper has a partition of it
  for holder in "$sys/block/${1##*/}"/*/holders/dm-*; do
    [ ! -e "$holder" ] || return 0
  done
  return 1
}
