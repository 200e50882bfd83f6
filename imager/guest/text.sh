# shellcheck shell=sh
# `claylinux status` for people.

mib() { # BYTES
  awk -v bytes="${1:-0}" 'BEGIN { printf "%.0f", bytes / 1048576 }'
}

row() { # NAME TEXT
  [ -z "$2" ] || printf '%-9s %s\n' "$1" "$2"
}

show_status() {
  version=$(os_release IMAGE_VERSION)
  row System "$(os_release IMAGE_ID)${version:+ $version} ($(os_release PRETTY_NAME))"
  row Kernel "Linux $(uname -r)"
  device=$(boot_device)
  row Booted "$(booted)"
  row Signed "$(signer)"
  [ ! -d "$ours/update" ] || show_versions
  row Memory "$(mib "$(($(memory MemTotal) - $(memory MemAvailable)))") of $(mib "$(memory MemTotal)") MiB in use"
  set -- $(usage_of /)
  row Changes "$(mib "${2-}") MiB in memory, at most $(mib "${1-}") MiB"
  count=$(layers)
  row Layers "${count:+$count, $(mib "$(layers_size)") MiB in memory}"
  show_state
  [ -z "$(mount_of "$store")" ] || show_kept
}

booted() {
  printf '%s' "${device:-from no disk that the firmware names}"
  case $(secure_boot) in
  on) echo ", checked by Secure Boot" ;;
  off) echo ", checked by nobody: Secure Boot is off" ;;
  *) echo ", checked by nobody: the firmware has no Secure Boot" ;;
  esac
}

show_state() {
  set -- $(mount_of "$store")
  if [ -n "${1-}" ]; then
    node=$1 kind=$2
    set -- $(usage_of "$store")
    case $node in /dev/mapper/*) kind="$kind, encrypted" ;; esac
    row State "$node, $kind, $(mib "$2") of $(mib "$1") MiB in use, mounted on $store"
  else
    row State "none: changes are gone after a reboot"
  fi
  row Problem "$(state_problem)"
}

show_kept() {
  row Kept "$({ printf '%s\n' $persist_words; kept_paths; } | grep . | tr '\n' ',' | sed 's/,$//; s/,/, /g')"
  count=$(differences | wc -l)
  case $count in
  0) ;;
  1) row Differs "1 file is not as the image has it: claylinux persist lists it" ;;
  *) row Differs "$count files are not as the image has them: claylinux persist lists them" ;;
  esac
}

show_differences() {
  differences | while read -r how path; do
    case $how in
    changed) echo "$path: changed on this machine" ;;
    removed) echo "$path: removed on this machine" ;;
    rights) echo "$path: its owner or its mode was changed on this machine" ;;
    newer) echo "$path: the image has a newer one, but that of this machine was changed, and is used" ;;
    esac
  done
}
