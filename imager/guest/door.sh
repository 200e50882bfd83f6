# shellcheck shell=sh
# The door to the partition that stays. Whoever has the disk can put anything there, and a service into its directories: a
# link would lead out of the partition, a pipe has no end. So directories are entered step by step, and no link is followed.
own=.claylinux # below the store: what is ours

# For a subshell, whose directory it then is: what happens to the names on the way makes no difference any more.
enter() { # PATH [make]: go to a directory of the store, through nothing but directories
  cd -P "$root$store" 2>/dev/null || return 1
  steps=${1#/}/
  while [ -n "$steps" ]; do
    step=${steps%%/*} steps=${steps#*/}
    case $step in '') continue ;; . | ..) return 1 ;; esac
    [ -d "./$step" ] || [ -L "./$step" ] || [ "${2-}" != make ] || mkdir "./$step" 2>/dev/null || return 1
    [ -d "./$step" ] && [ ! -L "./$step" ] || return 1
    here=${PWD%/}
    cd -P "./$step" 2>/dev/null && [ "$PWD" = "$here/$step" ] || return 1
  done
}

take_place() { # FILE NAME: in the directory that was entered, in the place of what has the name there
  [ ! -L "./$2" ] || [ ! -d "./$2" ] || rm -f "./$2" # mv of busybox would look where it leads
  mv -fT "$1" "./$2"
}

obstacle() { # PATH: the first on the way that is there and is no directory
  way='' steps=${1#/}/
  while [ -n "$steps" ]; do
    way=$way/${steps%%/*} steps=${steps#*/}
    if [ -L "$root$store$way" ] || { [ -e "$root$store$way" ] && [ ! -d "$root$store$way" ]; }; then
      echo "$store$way"
      return
    fi
  done
}

# Before anything else runs. Afterwards only root can put something there.
sweep() { # leave only plain files of a few MiB, at most, in the place of ours, and directories where they belong
  place=$root$store/$own
  { [ -d "$place" ] && [ ! -L "$place" ]; } || rm -rf "$place"
  mkdir -p "$place"
  find "$place" -mindepth 1 \( ! -type f ! -type d -o -type f -size +32768 \) -exec rm -f {} +
  for each in "$place"/*.list* "$place"/machine-id* "$place"/paths* "$place"/taken "$place"/*-host-keys/*; do
    [ ! -d "$each" ] || rm -rf "$each"
  done
  for each in "$place"/*-host-keys; do
    [ -d "$each" ] || rm -f "$each"
    find "$each" -type f -size +128 -exec rm -f {} + 2>/dev/null # no key has 64 KiB
  done
  chown -R 0:0 "$place" 2>/dev/null
  chmod 755 "$place"
}

# The lines of a list that make sense: the rest of it could name any file.
plain_lines() { # FILE
  [ ! -f "$1" ] || LC_ALL=C awk '
    / \/$/ || /\/\// || /\/\.\.?(\/|$)/ || /[[:cntrl:]]/ { next }
    /^(f [0-9a-f]+|l [0-9a-f]+|d -) ([0-7]+:[0-9]+:[0-9]+|-) \// { print }' "$1"
}
