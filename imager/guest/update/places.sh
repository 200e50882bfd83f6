# shellcheck shell=sh
# The disk that the machine booted from has two places for versions: the EFI partition with the installed one, which is
# never written, and UPDATES with later ones. Their names say all about them: NAME_VERSION+LEFT-DONE.efi is on trial,
# NAME_VERSION.efi is good, and one with 0 tries left is not started as long as there is another.
held=no # whether this program has attached them

system_facts() { # who we are; fails where the system has no name or version
  name=$(os_release IMAGE_ID) version=$(os_release IMAGE_VERSION)
  [ -n "$name" ] && is_version "$version" || { why="/etc/os-release has no IMAGE_ID, or no IMAGE_VERSION that can be compared"; return 1; }
}

architecture() {
  case $(uname -m) in x86_64) echo amd64 ;; aarch64) echo arm64 ;; *) uname -m ;; esac
}

find_places() { # sets `esp_node` and `updates_node`
  esp_node='' updates_node=''
  guid=$(boot_partition)
  [ -n "$guid" ] || { why="the machine did not boot from a disk"; return 1; }
  for disk in $(disks); do
    rows=$(partitions "$dev/$disk")
    case $rows in *" $guid "*) ;; *) continue ;; esac
    number=$(echo "$rows" | awk -v type="$ESP" '$4 == type { print $1; exit }')
    [ -z "$number" ] || esp_node=$(node_of "$dev/$disk" "$number")
    number=$(echo "$rows" | awk -v type="$XBOOTLDR" '$4 == type && $6 == "UPDATES" { print $1; exit }')
    [ -z "$number" ] || updates_node=$(node_of "$dev/$disk" "$number")
  done
  [ -n "$esp_node" ] && [ -n "$updates_node" ] && return 0
  why="the disk that the machine booted from has no partition UPDATES"
  return 1
}

attach() { # ro|rw: both places, below `places`; rw only for UPDATES. One at a time
  exec 8>"$work/places.lock"
  left=60
  until flock -n 8; do # busybox cannot wait for a lock
    left=$((left - 1))
    [ "$left" -gt 0 ] || { why="another program looks at the versions for too long"; return 1; }
    sleep 1
  done
  held=yes attached=$1
  let_go # what a program that was killed has left
  mkdir -p "$places/esp" "$places/updates" # only now: whoever had the lock has removed them
  repaired=no
  attach_one "$esp_node" "$places/esp" ro && attach_one "$updates_node" "$places/updates" "$1" || { detach; return 1; }
  [ "$1" = ro ] || tidy_up || :
}

attach_one() { # NODE POINT MODE
  [ "$3" = ro ] || grep -q "^$1 " "$proc/mounts" || repair "$1"
  left=5
  until mount -t vfat -o "$3,nodev,nosuid,noexec,umask=077" "$1" "$2" 2>"$work/told"; do
    left=$((left - 1)) # the disk may be busy just now
    [ "$left" -gt 0 ] || { why="$1 cannot be mounted: $(head -n 1 "$work/told")"; return 1; }
    sleep 1
  done
}

let_go() {
  umount "$places/updates" 2>/dev/null
  umount "$places/esp" 2>/dev/null
}

detach() { # only what is ours: another program may have it now
  [ "$held" = yes ] || return 0
  held=no
  sync
  let_go
  [ "$attached" = ro ] || flush_disk
  rmdir "$places/updates" "$places/esp" "$places" 2>/dev/null || :
  exec 8>&-
}

# All that was written, from the memory of the disk, too: for a FAT, the kernel asks for that at fsync, and not at sync.
flush_disk() {
  sync
  dd if=/dev/null of="$updates_node" conv=notrunc,fsync 2>/dev/null || :
}

make_directories() { # flushed before anything is in them: after a power cut, a repair removes one of which only the name is there
  [ ! -d "$places/updates/EFI/Linux" ] || [ ! -d "$places/updates/claylinux" ] || return 0
  mkdir -p "$places/updates/EFI/Linux" "$places/updates/claylinux" && flush_disk
}

entries() { # a line for each version: place, version, tries left, tries done (`-` and `-`: good), file
  for place in esp updates; do
    for file in "$places/$place/EFI/Linux/${name}_"*.efi; do # an empty one is a name for what comes
      [ ! -s "$file" ] || echo "${file##*/}"
    done | awk -v place="$place" -v prefix="${name}_" '
      index($0, prefix) == 1 && /\.efi$/ {
        version = substr($0, length(prefix) + 1, length($0) - length(prefix) - 4)
        left = tries = "-"
        if (match(version, /\+[0-9]+(-[0-9]+)?$/)) {
          split(substr(version, RSTART + 1), count, "-")
          left = count[1] + 0
          tries = count[2] + 0
          version = substr(version, 1, RSTART - 1)
          delete count
        }
        if (version ~ /^[0-9A-Za-z][0-9A-Za-z.~^-]*$/) print place, version, left, tries, $0
      }'
  done
}

entry_of() { # VERSION: the last line of `entries`, as a version on UPDATES takes the place of one on the EFI partition
  entries | awk -v version="$1" '$2 == version { found = $0 } END { if (found != "") print found }'
}

best_entry() { # [VERSION-THAT-IS-NOT-MEANT]: what the loader starts next, as it orders them
  best='' best_bad=''
  entries | {
    while read -r where its left tries file; do
      [ "$its" != "${1-}" ] || continue
      bad=0
      [ "$left" != 0 ] || bad=1
      [ -z "$best" ] || [ "$bad" -lt "$best_bad" ] ||
        { [ "$bad" = "$best_bad" ] && [ "$(compare_versions "$its" "$best_version")" = 1 ]; } || continue
      best="$where $its $left $tries $file" best_bad=$bad best_version=$its
    done
    [ -z "$best" ] || echo "$best"
  }
}

uki_path() { # an entry: its file
  echo "$places/$1/EFI/Linux/$5"
}
