# shellcheck shell=sh
# What words in `persist` stand for, apart from directories: files that a machine makes for itself.

keep_words() {
  for word in $persist_words; do
    case $word in
    machine-id) keep_machine_id ;;
    ssh-host-keys) keep_host_keys ;;
    esac
  done
}

save() { # FILE TO: so that a power cut leaves the old one, or the new one
  cp -p "$1" "$2.new" && sync && mv -f "$2.new" "$2"
}

is_machine_id() { # FILE: an id, and nothing behind it
  [ -f "$1" ] && [ "$(wc -c <"$1")" -le 33 ] && grep -qxE '[0-9a-f]{32}' "$1"
}

keep_machine_id() { # an id that the image itself has is the first one, too
  kept=$root$store/$own/machine-id
  if ! is_machine_id "$kept"; then
    if is_machine_id "$root/etc/machine-id"; then
      cat "$root/etc/machine-id"
    else
      tr -d - </proc/sys/kernel/random/uuid
    fi >"$kept.first"
    save "$kept.first" "$kept"
    rm -f "$kept.first"
  fi
  cat "$kept" >"$root/etc/machine-id"
}

# A key that the image has is used. Where it has none, that of the first boot is.
keep_host_keys() {
  for server in ssh dropbear; do
    place=$root/etc/$server kept=$root$store/$own/$server-host-keys
    [ -d "$place" ] || continue
    for key in "$kept"/*host_*key "$kept"/*host_*key.pub; do # nothing else: sshd runs /etc/ssh/sshrc, and trusts more
      [ ! -s "$key" ] || [ -e "$place/${key##*/}" ] || cp -p "$key" "$place"
    done
  done
  [ ! -x "$root$ours/make-identity" ] || "$root$ours/make-identity" host-keys >/dev/null 2>&1
  for server in ssh dropbear; do
    place=$root/etc/$server kept=$root$store/$own/$server-host-keys
    mkdir -p "$kept"
    chmod 700 "$kept"
    for key in "$place"/*host_*key "$place"/*host_*key.pub; do
      [ ! -s "$key" ] || cmp -s "$key" "$kept/${key##*/}" || save "$key" "$kept/${key##*/}"
    done
  done
}
