# shellcheck shell=sh
# What goes from UPDATES, what is needed for a new version, and whether there is room for it.

clean_up() { # VERSION: all that is neither what runs, nor the newest good one, nor what this version has so far
  good=$(newest_good)
  entries | while read -r place its left tries file; do
    [ "$place" = updates ] && [ "$its" != "$version" ] && [ "$its" != "$good" ] && [ "$its" != "$1" ] || continue
    case $left/$tries in
    0/0) ;; # set aside by hand
    0/*) echo "$its" >>"$places/updates/claylinux/bad" ;;
    esac
    rm -f "$places/updates/EFI/Linux/$file"
  done
  for file in "$places/updates/EFI/Linux"/*.new "$places/updates/EFI/Linux"/*.part; do
    digest=${file##*/} digest=${digest%.part}
    case $file in
    */"${name}_$1.new") ;;
    *) grep -q "^piece $digest " "$work/index" || rm -f "$file" ;;
    esac
  done
  for file in "$places/updates/claylinux/"*.pieces; do
    each=${file##*/"${name}"_} each=${each%.pieces}
    [ -n "$(entry_of "$each")" ] || rm -f "$file" "$file.sig"
  done
}

newest_good() {
  newest=''
  entries | { # those on the EFI partition are counted as well: they never go
    while read -r place its left tries file; do
      [ "$left" = - ] || continue
      [ -n "$newest" ] && [ "$(compare_versions "$its" "$newest")" != 1 ] || newest=$its
    done
    echo "$newest"
  }
}

is_bad() { # VERSION: whether it was tried here in vain
  set -- "$1" $(entry_of "$1")
  [ "${4-}" = 0 ] || grep -qxF "$1" "$places/updates/claylinux/bad" 2>/dev/null
}

forgive() { # VERSION
  list=$places/updates/claylinux/bad
  ! grep -qxF "$1" "$list" 2>/dev/null || { grep -vxF "$1" "$list" >"$list.new"; mv "$list.new" "$list"; }
}

# The pieces that this machine has, by the indexes beside its versions: digest, offset, file. Nobody vouches for them:
# what is copied is checked.
own_pieces() {
  entries | while read -r place its left tries file; do
    list=$places/$place/claylinux/${name}_$its.pieces
    [ -r "$list" ] && [ -z "$(index_problem "$list")" ] || continue
    awk -v file="$places/$place/EFI/Linux/$file" '$1 == "piece" { print $2, $3, file }' "$list"
  done
}

missing_pieces() { # digest and size of those that this machine does not have
  distinct_pieces "$work/index" | awk -v list="$work/own" '
    BEGIN { while ((getline line <list) > 0) own[substr(line, 1, 64)] }
    !($1 in own)'
}

has_room() { # FILE-SO-FAR: for the rest of it, and for one piece under way
  # shellcheck disable=SC2046
  set -- "$1" $(missing_pieces | awk '{ sum += $2; if ($2 > most) most = $2 } END { printf "%.0f %.0f", sum, most }')
  missing=$2
  need=$(($(index_value "$work/index" size) - $(size_of "$1") + $3 + 1048576))
  free=$(free_bytes)
  [ "$free" -ge "$need" ] ||
    { why="UPDATES has no room: $(mib "$need") MiB are needed, and $(mib "$free") MiB are free"; return 1; }
}

free_bytes() {
  df -P -k "$places/updates" | awk 'NR == 2 { printf "%.0f", $4 * 1024 }'
}
