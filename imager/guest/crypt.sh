# shellcheck shell=sh
# The state as an encrypted volume, LUKS2: what opens it is sealed by the TPM of this machine, or is a file on another
# disk. A recovery key opens it in any case. It is shown once, when the volume is made, and is in no file on a disk.
volume=claylinux-state
scratch=${scratch:-/run/claylinux} # in memory
measured=${measured:-/run/systemd}

is_luks() { # NODE
  [ "$(dd if="$1" bs=512 count=1 2>/dev/null | head -c 6 | od -An -tx1 | tr -d ' \n')" = 4c554b53babe ]
}

# It is random enough that nobody needs to slow down those who try all of them.
new_recovery_key() { # 256 bits, in letters that most keyboards have in the same place
  head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' | tr 0123456789abcdef cbdefghijklnrtuv | sed 's/......../&-/g; s/-$//'
}

make_volume() { # NODE: with the file system in it, closed again
  modprobe -aq dm_mod dm_crypt
  mkdir -p "$scratch"
  key=$scratch/recovery-key
  (umask 077 && new_recovery_key | tr -d '\n' >"$key")
  fill_volume "$1"
  made=$?
  rm -f "$key"
  return $made
}

fill_volume() { # NODE, which the file `key` opens then, as does what the build file says
  cheap='--pbkdf pbkdf2 --pbkdf-force-iterations 1000'
  cryptsetup luksFormat -q --type luks2 $cheap --label "$state_label" "$1" "$key" >/dev/null 2>&1 ||
    { problem "cryptsetup could not encrypt $1"; return 1; }
  cryptsetup open --key-file "$key" "$1" "$volume" 2>/dev/null || { problem "cryptsetup could not open $1"; return 1; }
  mkfs.ext4 -q -F -L "$state_label" "/dev/mapper/$volume" </dev/null >/dev/null 2>&1
  filled=$?
  cryptsetup close "$volume" 2>/dev/null
  [ "$filled" = 0 ] || { problem "mkfs.ext4 failed on $1"; return 1; }
  add_key "$1" "$key" && show_recovery_key "$(cat "$key")"
}

add_key() { # NODE FILE-WITH-A-KEY: let the TPM open it, or the key file; in place of what was sealed before
  case $state_encrypt in
  tpm2)
    wait_for_tpm || { problem "no TPM: the state is not encrypted without one"; return 1; }
    # The register for Secure Boot, and the signed values of the one for the image: without the first, another program
    # could measure what our image would have.
    set -- "$1" "$2" --tpm2-pcrs=7
    [ ! -e "$measured/tpm2-pcr-public-key.pem" ] ||
      set -- "$@" "--tpm2-public-key=$measured/tpm2-pcr-public-key.pem" --tpm2-public-key-pcrs=11
    node=$1 file=$2
    shift 2
    systemd-cryptenroll "--unlock-key-file=$file" --wipe-slot=tpm2 --tpm2-device=auto "$@" "$node" >/dev/null 2>"$scratch/why" ||
      { problem "the TPM could not seal a key: $(tail -n 1 "$scratch/why")"; return 1; }
    ;;
  *)
    find_key_file || return 1
    cryptsetup luksAddKey -q --pbkdf pbkdf2 --key-file "$2" "$1" "$key_file" >/dev/null 2>&1
    added=$?
    leave_key_file
    [ "$added" = 0 ] || { problem "cryptsetup could not add the key $state_encrypt"; return 1; }
    ;;
  esac
}

open_volume() { # NODE: prints what to mount
  modprobe -aq dm_mod dm_crypt
  mkdir -p "$scratch"
  case $state_encrypt in
  tpm2)
    wait_for_tpm || { problem "no TPM, so $1 stays closed"; return 1; }
    attach=$(command -v systemd-cryptsetup || echo /usr/lib/systemd/systemd-cryptsetup)
    "$attach" attach "$volume" "$1" - tpm2-device=auto,headless=true >/dev/null 2>"$scratch/why" || {
      problem "the TPM does not open $1: this is another machine, or its Secure Boot or the image are not those for which it was sealed: see claylinux unlock"
      note "$(tail -n 1 "$scratch/why")"
      return 1
    }
    ;;
  *)
    find_key_file || return 1
    cryptsetup open --key-file "$key_file" "$1" "$volume" >/dev/null 2>&1
    opened=$?
    leave_key_file
    [ "$opened" = 0 ] || { problem "the key $state_encrypt does not open $1: see claylinux unlock"; return 1; }
    ;;
  esac
  wait_for_node "/dev/mapper/$volume" && echo "/dev/mapper/$volume"
}

wait_for_tpm() {
  modprobe -aq tpm_crb tpm_tis
  tries=0
  until [ -e "$dev/tpmrm0" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || return 1
    sleep 0.1
  done
}

find_key_file() { # on another disk, as LABEL=NAME/PATH says: its file system is mounted until `leave_key_file`
  tries=0
  until found=$(findfs "${state_encrypt%%/*}" 2>/dev/null) && [ -n "$found" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { problem "there is no disk ${state_encrypt%%/*} with the key"; return 1; }
    load_drivers
    sleep 0.2
  done
  modprobe -aq vfat nls_cp437 nls_ascii nls_iso8859-1 nls_utf8 ext4
  place=$scratch/key-disk key_file=$scratch/key-disk/${state_encrypt#*/}
  mkdir -p "$place"
  for type in vfat ext4; do
    ! mount -t "$type" -o ro,nodev,nosuid,noexec "$found" "$place" 2>/dev/null || break
  done
  [ -s "$key_file" ] || { leave_key_file; problem "there is no file $state_encrypt with the key"; return 1; }
}

leave_key_file() {
  umount "$place" 2>/dev/null
}

show_recovery_key() { # KEY: on each console, but not in the log of the kernel, which others may read later
  for_consoles "

claylinux: the recovery key of the state. It is shown only now: write it down.

    $1
"
}

unlock() { # with the recovery key, let the TPM or the key file of now open the volume from the next boot on
  [ -n "$state_encrypt" ] || { echo "claylinux: the state of this system is not encrypted" >&2; return 1; }
  boot=$(boot_partition)
  set -- $(find_state)
  [ $# = 3 ] || { echo "claylinux: there is no state to unlock" >&2; return 1; }
  node=$(node_of "$dev/$1" "$2")
  [ ! -t 0 ] || { printf 'Recovery key: ' >&2; stty -echo; }
  IFS= read -r text
  [ ! -t 0 ] || { stty echo; echo >&2; }
  mkdir -p "$scratch"
  key=$scratch/recovery-key
  (umask 077 && printf %s "$text" >"$key")
  if cryptsetup open --test-passphrase --key-file "$key" "$node" >/dev/null 2>&1; then
    said=$scratch/unlock.said log=/dev/null # for whoever calls it, and no fault of the boot
    rm -f "$said"
    add_key "$node" "$key" || echo "claylinux: $(cat "$said")" >&2
    [ ! -s "$said" ]
  else
    echo "claylinux: this key does not open $node" >&2
    false
  fi
  done=$?
  rm -f "$key" "$said"
  [ "$done" != 0 ] || echo "From the next boot on, $node is opened again: reboot."
  return "$done"
}
