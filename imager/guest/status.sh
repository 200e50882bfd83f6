# shellcheck shell=sh
# What `claylinux status` knows: each function prints one fact, or nothing where nobody knows it.

os_release() { # FIELD
  # shellcheck source=/dev/null
  (. "$root/etc/os-release" 2>/dev/null && eval "printf '%s' \"\${$1-}\"")
}

secure_boot() { # on, off, or nothing where the firmware has none
  [ -d "$sys/firmware/efi" ] || return 0
  case $(value_of SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c | od -An -tu1 | tr -d ' ') in
  1) echo on ;;
  0) echo off ;;
  esac
}

signer_record() { # what init was told of who signed the image: a line of JSON, see imager/uki/signed.py
  [ ! -r "$root/run/claylinux/signer.json" ] || cat "$root/run/claylinux/signer.json"
}

signer() { # certificate's subject and fingerprint, as text
  signer_record | sed -n 's/.*"subject": "\(.*\)", "sha256": "\([0-9a-f]*\)".*/\1 (certificate SHA-256 \2)/p' |
    sed 's/\\\(["\\]\)/\1/g'
}

boot_device() { # the partition that the machine booted from
  guid=$(boot_partition)
  [ -n "$guid" ] || return 0
  for name in $(disks); do
    number=$(partitions "$dev/$name" | awk -v guid="$guid" '$5 == guid { print $1 }')
    [ -z "$number" ] || { node_of "/dev/$name" "$number"; return; }
  done
}

memory() { # FIELD of /proc/meminfo, in bytes
  awk -v field="$1:" '$1 == field { printf "%.0f", $2 * 1024 }' "$proc/meminfo"
}

mount_of() { # POINT: device and type of what is mounted there
  awk -v point="$1" '$2 == point { found = $1 " " $3 } END { if (found != "") print found }' "$proc/mounts"
}

usage_of() { # POINT: bytes in all, bytes used
  df -P -k "$root$1" 2>/dev/null | awk 'NR == 2 { printf "%.0f %.0f", $2 * 1024, $3 * 1024 }'
}

layers() { # how many layers are under the root, and their bytes
  awk '$5 == "/" && / - overlay / { sub(/.*lowerdir=/, ""); sub(/,.*/, ""); print gsub(/:/, ":") + 1 }' \
    "$proc/self/mountinfo" | tail -n 1
}

layers_size() {
  cat "$sys"/block/loop*/size 2>/dev/null | awk '{ total += $1 } END { printf "%.0f", total * 512 }'
}

state_problem() {
  [ -n "$state_label" ] && ! installs_itself || return 0
  [ -n "$(mount_of "$store")" ] || { [ -s "$said" ] || echo "it is not mounted"; }
  ! [ -s "$said" ] || tail -n +1 "$said" | tr '\n' ';' | sed 's/;$//; s/;/; /g'
}

kept_paths() {
  [ ! -r "$lists/persist.list" ] || cat "$lists/persist.list"
}
