# shellcheck shell=sh
# Going back by hand. The loader takes the newest version that has tries left; so newer ones get none. They stay the way
# out if the older one does not come up.

use_own() { # whether the wanted version is on this disk, and whole; then `used` says what came of it
  find_places && attach rw || return 1
  # shellcheck disable=SC2046
  set -- $(entry_of "$wanted")
  [ $# = 5 ] && is_usable "$@" || { detach; return 1; }
  new_version=$wanted used=1
  can_go_back "$wanted" || return 0
  set_aside_above "$wanted"
  case $3/$4 in
  0/0) mv "$(uki_path "$@")" "$places/updates/EFI/Linux/${name}_$wanted.efi" ;;
  0/*) mv "$(uki_path "$@")" "$places/updates/EFI/Linux/${name}_$wanted+3.efi" ;;
  esac || { why="UPDATES cannot be written"; return 0; }
  forgive "$wanted"
  record "$wanted" written "it starts at the next reboot"
  written=yes used=0
  echo "$name $wanted is on this machine, and starts at the next reboot"
}

is_usable() { # an entry: whether it came up before, or is what its index says
  list=$places/$1/claylinux/${name}_$2.pieces
  case $3/$4 in
  0/0 | -/-) ;;
  *)
    [ -r "$list" ] && is_signed "$list" "$list.sig" "$ours/update.pem" &&
      [ "$(digest_of "$(uki_path "$@")")" = "$(index_value "$list" sha256)" ]
    ;;
  esac
}

newer_entries() { # VERSION: lines of place, version and file, of those that the loader would start before it
  entries | while read -r place its left tries file; do
    [ "$left" = 0 ] || [ "$(compare_versions "$its" "$1")" != 1 ] || echo "$place $its $file"
  done
}

can_go_back() { # VERSION: whether no newer one is on the EFI partition, which is never written
  ! newer_entries "$1" | grep '^esp ' >/dev/null ||
    { why="the installed version is newer, and always starts before it: install $1 instead"; return 1; }
}

set_aside_above() { # VERSION
  newer_entries "$1" | while read -r place its file; do
    mv "$places/updates/EFI/Linux/$file" "$places/updates/EFI/Linux/${name}_$its+0.efi"
  done
  flush_disk
}
