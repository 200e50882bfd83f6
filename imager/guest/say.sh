# shellcheck shell=sh
# What is told: to the kernel's log, which the consoles and the journal show, and to `claylinux status`.
said=${said:-/usr/lib/claylinux/said}
log=${log:-/dev/kmsg}

tell() { # LEVEL TEXT
  echo "<$1>claylinux: ${subject:-state}: $2" >>"$log"
}

note() { tell 5 "$*"; }

announce() { # TEXT: also where the system has told the kernel to show nothing, as Alpine does
  tell 7 "$*"
  for_consoles "claylinux: ${subject:-state}: $*"
}

for_consoles() { # TEXT: on each, and not in the log of the kernel
  cat "$sys/class/tty/console/active" 2>/dev/null | tr ' ' '\n' | while read -r console; do
    printf '%s\n' "$1" >>"$dev/$console" 2>/dev/null
  done
}

problem() {
  tell 2 "$*" # the kernel shows this level even with `quiet`
  echo "$*" >>"$said"
}

give_up() { # the boot ends here, as it does when our init fails
  tell 2 "stopped here, because the build file says that the state is required"
  words=" $(cat "$proc/cmdline") "
  case $words in
  *" claylinux.on_failure=shell "*)
    tell 2 "starting /bin/sh because of claylinux.on_failure=shell"
    exec /bin/sh </dev/console >/dev/console 2>&1
    ;;
  *" claylinux.on_failure=reboot "*) sleep 5; echo b >"$proc/sysrq-trigger" ;;
  *" claylinux.on_failure=poweroff "*) sleep 5; echo o >"$proc/sysrq-trigger" ;;
  esac
  while :; do sleep 3600; done
}
