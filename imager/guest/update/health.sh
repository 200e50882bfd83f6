# shellcheck shell=sh
# `claylinux health`: decides whether the version that runs is good. It starts early in the boot, so that it also sees a
# boot that never ends. What it cannot see, a panic or a hang of the kernel, the watchdog ends.
steady=${steady:-10} # seconds for which all has to be well

decide_health() {
  mkdir -p "$work"
  system_facts && wait_for_places || return 0 # not from a disk with versions: nothing to decide
  attach_or_tell ro || return 1
  # shellcheck disable=SC2046
  set -- $(entry_of "$version")
  if [ $# = 0 ]; then # a power cut has taken its name
    detach
    attach_or_tell rw || return 1
    # shellcheck disable=SC2046
    set -- $(entry_of "$version")
  fi
  tell_failures
  detach
  case ${3--}/${4--} in -/-) return 0 ;; esac
  if becomes_well; then
    bless
  else
    give_up_version
  fi
}

wait_for_places() { # early in the boot the disk may not be there yet
  tries=0
  until find_places; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] && [ -n "$(boot_partition)" ] || return 1
    sleep 0.5
  done
}

tell_failures() { # of versions that were given up
  entries | while read -r place its left tries file; do
    case $left/$tries in 0/0 | [!0]*) continue ;; esac
    [ "$its" = "$version" ] || tell 3 "$name $its: $(failure_of "$its" "$tries"). $version runs"
  done
}

becomes_well() { # within the time; else `why` says what is not
  deadline=$(($(seconds) + health_timeout)) well_since=''
  while :; do
    if is_well; then
      [ -n "$well_since" ] || well_since=$(seconds)
      if [ $(($(seconds) - well_since)) -ge "$steady" ]; then
        [ -z "$health_command" ] && return 0
        check_command && return 0
      fi
    else
      well_since=''
      ! is_hopeless || return 1
    fi
    [ "$(seconds)" -lt "$deadline" ] || return 1
    sleep 1
  done
}

is_well() {
  failing=''
  is_up || return 1
  for each in $health_services; do
    is_active "$each" || { failing=$each why="service $each: $(state_of "$each")"; return 1; }
  done
}

check_command() {
  left=$((deadline - $(seconds)))
  timeout $((left > 1 ? left : 1)) sh -c "$health_command" >"$work/command" 2>&1 </dev/null && return 0
  why="the command of \`health\` failed: $(tail -n 1 "$work/command")"
  return 1
}

is_systemd() { [ -d "$root/run/systemd/system" ]; }

is_up() { # whether all that starts at boot has started
  if is_systemd; then
    systemctl is-active --quiet multi-user.target && return 0
    why="the boot did not come to multi-user.target"
  else
    [ "$(cat "$root/run/openrc/softlevel" 2>/dev/null)" = default ] && [ ! -d "$root/run/openrc/rc.starting" ] && return 0
    why="the boot did not come to the end of the runlevel default"
  fi
  return 1
}

is_hopeless() { # whether it makes no sense to wait longer
  is_systemd || return 1
  # systemd does not start it again: `why` has the rest
  [ -z "$failing" ] || ! systemctl is-failed --quiet "$failing" || return 0
  systemctl is-active --quiet emergency.target rescue.target || return 1
  why="the system is in emergency mode: $(systemctl list-units --failed --plain --no-legend 2>/dev/null | cut -d ' ' -f 1 | tr '\n' ' ' | sed 's/ $//')"
}

is_active() { # SERVICE
  if is_systemd; then systemctl is-active --quiet "$1"; else rc-service --quiet "$1" status >/dev/null 2>&1; fi
}

state_of() { # SERVICE: in words
  if is_systemd; then
    systemctl show --property=ActiveState,Result,ExecMainStatus "$1" | awk -F = '
      { is[$1] = $2 } # in an order of its own
      END { print is["ActiveState"], is["Result"], is["ExecMainStatus"] }'
  else
    rc-service "$1" status 2>&1 | tail -n 1 | sed 's/.*: //'
  fi
}

bless() {
  attach_or_tell rw || return 1
  # shellcheck disable=SC2046
  set -- $(entry_of "$version")
  if [ $# = 0 ]; then
    tell 3 "$name $version is well, but its file is gone: the version before starts at the next reboot"
  elif mv "$(uki_path "$@")" "$places/updates/EFI/Linux/${name}_$version.efi"; then
    record "$version" good "it came up, and is well"
    tell 5 "$name $version is good"
  else
    tell 3 "$name $version is good, but its file cannot be renamed"
  fi
  detach
}

attach_or_tell() { # MODE: again and again, as nobody else decides
  tries=10
  until attach "$1"; do
    tell 3 "$why"
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 30
  done
}

give_up_version() { # the loader counts: after the last try, it starts the version before
  tell 3 "$name $version is not well: $why"
  if attach_or_tell rw; then
    record "$version" bad "$why"
    detach
  fi
  [ -n "$(efi_variable "LoaderBootCountPath-$LOADER")" ] || return 1 # started by hand, or the last resort: it stays
  tell 3 "rebooting, because $name $version is on trial"
  reboot
  sleep "${patience:-180}"
  reboot -f
}
