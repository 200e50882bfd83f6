# shellcheck shell=sh
# `claylinux install`: copies this system from the medium that the machine booted from to a disk.
subject=install

install_usage() {
  cat <<END
usage: claylinux install [DISK] [--wipe] [--yes] [--reboot | --poweroff] [--from FILE|DEVICE]
       claylinux install --to FILE|DEVICE [--wipe] [--yes] [--from FILE|DEVICE]
       claylinux install --disks
  DISK     such as /dev/nvme0n1, serial=... or wwid=...; with --yes and without DISK: the one that is empty
  --disks  list the disks, and do nothing
  --from   copy this image, ISO or disk instead of the medium that the machine booted from
  --to     copy to this device, or to a file, which is made
  --wipe   what the disk holds may be lost
  --yes    do not ask
END
}

install_command() { # ARGUMENT...
  auto=no rule='' wipe=no yes=no after='' from='' to='' list=no
  while [ $# -gt 0 ]; do
    case $1 in
    --wipe) wipe=yes ;;
    --yes) yes=yes ;;
    --auto) auto=yes yes=yes ;;
    --disks) list=yes ;;
    --reboot | --poweroff) after=${1#--} ;;
    --from) shift; from=${1-} ;;
    --to) shift; to=${1-} ;;
    --help) install_usage; return 0 ;;
    -* | '') install_usage >&2; return 2 ;;
    *) [ -z "$rule" ] || { install_usage >&2; return 2; }; rule=$1 ;;
    esac
    [ $# -gt 0 ] || { install_usage >&2; return 2; } # --from and --to want a name
    shift
  done
  [ -z "$to" ] || [ -z "$rule" ] || { install_usage >&2; return 2; }
  work=$(mktemp -d "$root/run/claylinux-install.XXXXXX") || return 1
  exec 8>"$root/run/claylinux-install.lock"
  { flock -n 8 || { refuse "another installation is running"; false; }; } && install_system
  code=$?
  rm -rf "$work"
  return $code
}

report() { if [ "$auto" = yes ]; then announce "$*"; else echo "$*"; fi; }

refuse() { if [ "$auto" = yes ]; then announce "$*"; else echo "claylinux: $*" >&2; fi; }

install_system() { # with the words of the command in variables
  [ "$auto" = no ] || unattended || return 0
  find_medium || return 1
  [ "$list" = no ] || { show_disks; return; }
  if [ -n "$to" ]; then
    target=$to
    prepare_file || return 1
  else
    [ "$yes" = yes ] || ask_disk
    target=$(choose_target "${rule:-$install_disk}") || return 1
  fi
  check_target "$target" && verify_medium && plan_table "$target" && confirm && write_disk "$target" || return 1
  finish
}

# With `install: {auto: true}`, or claylinux.install=auto|DISK on the command line of the kernel.
unattended() { # whether to go on
  installs_itself || return 1
  word=$(install_word)
  case $word in '' | auto) ;; *) rule=$word ;; esac
  after=$install_after
  report "looking for the disk to install on: ${rule:-$install_disk}"
  wait_for_disk
}

wait_for_disk() { # drivers find disks late: 5 seconds after the last device, there is none to come
  begun=$(seconds) seen=''
  while [ $(($(seconds) - begun)) -lt 5 ]; do
    load_drivers
    now=$(ls "$sys/class/block" 2>/dev/null)
    [ "$now" = "$seen" ] || { seen=$now begun=$(seconds); }
    sleep 0.5
  done
}

ask_disk() { # where nobody named one
  [ -z "$rule" ] || return 0
  show_disks
  fitting=$(fitting_disks "$install_disk")
  case $(echo "$fitting" | grep -c .) in 1) fitting=/dev/${fitting##*/} ;; *) fitting='' ;; esac
  printf '\nDisk to install on%s: ' "${fitting:+ [$fitting]}"
  read -r rule
  rule=${rule:-$fitting}
}

prepare_file() { # a file is made as large as it has to be
  [ ! -d "$to" ] || { refuse "$to is a directory: name a file in it"; return 1; }
  [ -e "$to" ] || dd if=/dev/null of="$to" bs=1048576 seek="$(needed)" 2>/dev/null ||
    { refuse "$to cannot be made"; return 1; }
}

confirm() {
  [ "$yes" = no ] || return 0
  echo "The system is copied from $medium to $target, which has $(size_shown "$target") and holds $(holds "$target")."
  [ "$wipe" = no ] || echo "Everything on $target is lost."
  printf 'Write "yes" to go on: '
  answer=''
  read -r answer
  [ "$answer" = yes ] || { refuse "nothing was written"; return 1; }
}

finish() {
  if [ -n "$to" ]; then report "$target has the system"; else report "$target has the system: remove the medium, and reboot"; fi
  case $after in
  reboot | poweroff)
    report "$after in 10 seconds"
    sync
    sleep 10
    "$after"
    ;;
  esac
}
