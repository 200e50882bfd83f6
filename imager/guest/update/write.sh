# shellcheck shell=sh
# A new version is written beside the others, from its beginning to its end, and gets its name when it was read back. A
# power cut leaves a beginning: what is right of it is used again.

write_version() { # VERSION: as $work/index says
  new=$places/updates/EFI/Linux/${name}_$1.new
  touch "$new" || { why="$new: it cannot be written"; return 1; }
  at=0 copied=0 got=0 count=$(missing_pieces | wc -l)
  steps_of "$work/index" >"$work/steps"
  while read -r what digest size <&3; do
    write_step "$what" "$digest" "$size" || return 1
  done 3<"$work/steps"
  [ "$(size_of "$new")" = "$at" ] || truncate -s "$at" "$new"
  is_written || return 1
  rm -f "${new%/*}"/*.part
  for file in index:pieces signature:pieces.sig; do
    list=$places/updates/claylinux/${name}_$1.${file#*:}
    rm -f "$list"
    cp "$work/${file%:*}" "$list" || { why="$list: it cannot be written"; return 1; }
  done
  # The name is on the disk before the file gets it, so the rename is a single write: nobody counts the tries of half a name.
  : >"${new%.new}+3.efi"
  flush_disk
  mv -f "$new" "${new%.new}+3.efi" || { why="$new: it cannot be renamed"; return 1; }
  flush_disk
}

write_step() { # zeros|piece DIGEST SIZE
  if is_there "$@"; then
    at=$((at + $3))
    return
  fi
  truncate -s "$at" "$new" || { why="$new: it cannot be written"; return 1; }
  if [ "$1" = zeros ]; then
    head -c "$3" /dev/zero >>"$new" && at=$((at + $3)) || { is_full; return 1; }
  else
    copy_piece "$2" "$3" || fetch_piece "$2" "$3"
  fi
}

is_there() { # zeros|piece DIGEST SIZE: whether an earlier attempt has written it
  [ "$(size_of "$new")" -ge $((at + $3)) ] || return 1
  expected=$2
  [ "$1" != zeros ] || expected=$(head -c "$3" /dev/zero | sha256sum | cut -c 1-64)
  [ "$(show_range "$new" "$at" "$3" | sha256sum | cut -c 1-64)" = "$expected" ]
}

show_range() { # FILE OFFSET SIZE. By dd alone: head of busybox copies byte by byte, and would close a pipe early
  dd if="$1" bs=65536 iflag=skip_bytes,count_bytes skip="$2" count="$3" 2>/dev/null
}

copy_piece() { # DIGEST SIZE: from a version that this machine has
  # shellcheck disable=SC2046
  set -- "$1" "$2" $(awk -v digest="$1" '$1 == digest { print $3, $2; exit }' "$work/own")
  [ -n "${3-}" ] && add "$1" "$2" show_range "$3" "$4" "$2" && copied=$((copied + $2))
}

fetch_piece() { # DIGEST SIZE
  part=${new%/*}/$1.part
  got=$((got + 1))
  for attempt_of_piece in 1 2; do
    [ ! -t 2 ] || echo "piece $got of $count, $(amount "$2")" >&2
    damaged=no full=no
    if get_piece "$1" "$2" "$part"; then
      ! add "$1" "$2" show_piece "$1" "$2" "$part" || { rm -f "$part"; return 0; }
      rm -f "$part"
      [ "$full" = no ] || return 1
    else
      [ "$damaged" = yes ] || return 1
    fi
  done
  why="$from: the piece $1 arrived damaged, $attempt_of_piece times"
  return 1
}

add() { # DIGEST SIZE COMMAND...: puts the output of the command at the end, if it is the piece
  expected=$1 end=$((at + $2))
  shift 2
  found=$("$@" | tee -a "$new" 2>/dev/null | sha256sum | cut -c 1-64)
  [ "$found" != "$expected" ] || [ "$(size_of "$new")" != "$end" ] || { at=$end; return 0; }
  [ "$found" != "$expected" ] || is_full
  truncate -s "$at" "$new"
  return 1
}

is_full() {
  full=yes why="$new: it cannot be written: UPDATES is full, or damaged"
}

is_written() { # reads the file back, from the disk itself
  sync
  echo 3 2>/dev/null >"$proc/sys/vm/drop_caches" || :
  [ "$(digest_of "$new")" != "$(index_value "$work/index" sha256)" ] || return 0
  rm -f "$new"
  why="what was written is not what its index says: the disk, or the index, is damaged"
  return 1
}
