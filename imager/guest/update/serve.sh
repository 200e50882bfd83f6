# shellcheck shell=sh
# `claylinux update --serve`: the service that looks for new versions, the same with systemd and OpenRC. Each machine has
# its own moment, so that a fleet does not ask all at once.

serve() {
  [ "$update_every" != 0 ] && ! is_off || return 0
  calm=$((update_every / 4)) # the first time is not long after the boot, for machines that run for hours only
  sleep $((10 + $(share $((calm < 3600 ? calm : 3600)))))
  while :; do
    if "$command" update; then
      pending && restart_in_time
      sleep "$update_every"
    else
      sleep $((update_every / 8 > 60 ? update_every / 8 : 60))
    fi
  done
}

share() { # MOST: a number below it, always the same one on this machine
  hash=$(sha256sum 2>/dev/null <"$root/etc/machine-id" | cut -c 1-7)
  echo $((0x${hash:-0} % ($1 > 0 ? $1 : 1)))
}

pending() { # whether a version waits for a reboot. This is in memory, so that it ends with the boot
  [ -e "$work/pending" ]
}

restart_in_time() {
  case $update_reboot in
  manual) return 0 ;;
  auto) ;;
  *) until in_window "$update_reboot" "$(date +%H:%M)"; do sleep 60; done ;;
  esac
  tell 5 "rebooting into the new version"
  reboot
}

in_window() { # HH:MM-HH:MM HH:MM
  from_minute=$(minutes "${1%-*}") to_minute=$(minutes "${1#*-}") minute=$(minutes "$2")
  if [ "$from_minute" -le "$to_minute" ]; then
    [ "$minute" -ge "$from_minute" ] && [ "$minute" -lt "$to_minute" ]
  else # over midnight
    [ "$minute" -ge "$from_minute" ] || [ "$minute" -lt "$to_minute" ]
  fi
}

minutes() { # HH:MM
  hours=${1%:*} rest_of_it=${1#*:}
  echo $((${hours#0} * 60 + ${rest_of_it#0}))
}
