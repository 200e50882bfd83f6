# shellcheck shell=sh
# Where versions come from: a web server, a registry or a directory. `from` says which.

open_source() { # ADDRESS-OR-'' : that of the build file, or another one, which is taken as it is
  from=${1:-$update_from}
  case $from in
  '') why="the build file has no \`update: {from: ...}\`: name one: claylinux update --from URL"; return 1 ;;
  oci://* | oci+http://*) kind=registry; open_registry "$from" ;;
  http://* | https://*)
    [ "${from#http://}" = "$from" ] || plain_host=$(host_of "$from")
    kind=web from=${from%/}
    base=$from
    [ -n "$1" ] || base=$from${update_channel:+/$update_channel}
    ;;
  *)
    kind=directory from=${from#file://}
    base=${from%/}
    [ -d "$from" ] || { why="$from: no such directory"; return 1; }
    ;;
  esac
}

get_index() { # VERSION-OR-'': into the files index and signature
  rm -f "$work/index" "$work/signature" "$work/blob"
  case $kind in
  registry)
    get_manifest "${1:-$tag}" || return 1
    last=$(grep -c . "$work/layers")
    get_layer "$last" "$work/blob" "$most_index" && can_unpack "$work/blob" || return 1
    unpack "$work/blob" update.pieces "$most_index" >"$work/index"
    unpack "$work/blob" update.pieces.sig 65536 >"$work/signature"
    ;;
  *)
    [ -z "$1" ] || base=$from/$1
    get_file update.pieces "$work/index" "$most_index" && get_file update.pieces.sig "$work/signature" 65536
    ;;
  esac
}

fits_index() { # whether there are as many layers as the index wants
  [ "$kind" != registry ] || [ "$last" = $(($(distinct_pieces "$work/index" | wc -l) + 1)) ] ||
    { why="$image: its layers are not those of its index: push it again"; return 1; }
}

get_file() { # NAME FILE MOST-BYTES
  case $kind in
  web) get_with_login "$base/$1" "$2" "$3" ;;
  directory)
    [ -r "$base/$1" ] || { why="$base/$1: no such file"; return 1; }
    head -c $(($3 + 1)) "$base/$1" >"$2" || { why="$2: it cannot be written"; return 1; }
    [ "$(size_of "$2")" -le "$3" ] || { why="$base/$1: it is larger than $3 bytes"; return 1; }
    ;;
  esac
}

get_piece() { # DIGEST SIZE FILE: as the source has it
  case $kind in
  registry)
    number=$(distinct_pieces "$work/index" | awk -v digest="$1" '$1 == digest { print NR }')
    get_layer "$number" "$3" $(($2 + $2 / 100 + 65536)) && can_unpack "$3"
    ;;
  *) [ "$(size_of "$3")" = "$2" ] || get_file "pieces/$1" "$3" "$2" ;;
  esac
}

show_piece() { # DIGEST SIZE FILE: its content
  case $kind in
  registry) unpack "$3" "pieces/$1" $(($2 + 1)) ;;
  *) cat "$3" ;;
  esac
}
