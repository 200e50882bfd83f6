# shellcheck shell=sh
# What a power cut leaves on UPDATES. FAT has no journal, and a name is several writes: a file may have its old name and
# the new one, or only the short one. fsck makes an empty file of the second name, and files of what has no name at all.

repair() { # NODE: sets `repaired`. One run truncates, for example, a directory that has lost its content; the next removes it
  repaired=no
  for _ in 1 2 3; do
    ! fsck.vfat -a "$1" >/dev/null 2>&1 || return 0
    repaired=yes
  done
}

tidy_up() { # what fsck has made of it
  rm -f "$places/updates"/[Ff][Ss][Cc][Kk]????.[Rr][Ee][Cc] # it would keep the space for ever
  for uki in "$places/updates/EFI/Linux"/*.[Ee][Ff][Ii]; do
    [ -f "$uki" ] || continue
    if [ ! -s "$uki" ]; then
      rm -f "$uki"
    elif [ "$repaired" = yes ]; then
      drop_damaged "$uki"
    fi
  done
}

drop_damaged() { # FILE: if it is not what its index says
  # shellcheck disable=SC2046
  set -- "$1" $(entries | awk -v file="${1##*/}" '$1 == "updates" && $5 == file { print $2, $3, $4 }')
  [ $# = 4 ] || { name_again "$1"; return; }
  list=$places/updates/claylinux/${name}_$2.pieces
  # One without an index was brought here by hand.
  [ -r "$list" ] && [ -z "$(index_problem "$list")" ] && [ "$(digest_of "$1")" != "$(index_value "$list" sha256)" ] ||
    return 0
  tell 4 "$name $2 was damaged by a power cut, and removed"
  case $3/$4 in 0/0) ;; 0/*) echo "$2" >>"$places/updates/claylinux/bad" ;; esac
  rm -f "$1"
}

name_again() { # FILE: a version whose name was lost has all tries again
  digest=$(digest_of "$1")
  for list in "$places/updates/claylinux/${name}_"*.pieces; do
    [ -r "$list" ] && [ -z "$(index_problem "$list")" ] && [ "$(index_value "$list" sha256)" = "$digest" ] || continue
    its=${list##*/"${name}"_} its=${its%.pieces}
    is_version "$its" || continue
    other=$(entry_of "$its")
    # shellcheck disable=SC2086
    if [ -n "$other" ] && [ "$(digest_of "$(uki_path $other)")" = "$digest" ]; then
      rm -f "$1"
    else
      mv -f "$1" "$places/updates/EFI/Linux/${name}_$its+3.efi"
    fi
    return
  done
}
