# shellcheck shell=sh
# What `claylinux status` says of versions and updates.

look_at_versions() { # sets what `read_versions` does; fails where the disk has no place for versions
  system_facts && find_places || return 1
  mkdir -p "$work"
  is_attached && read_versions && is_attached && return 0 # by another program, which may have them for minutes
  attach ro || return 1
  read_versions
  detach
}

is_attached() { [ -n "$(mount_of "$places/updates")" ]; }

read_versions() {
  entry='' trial='' next='' previous=''
  # shellcheck disable=SC2046
  set -- $(entry_of "$version")
  [ $# = 0 ] || entry=${1}:/EFI/Linux/$5
  case ${3--}/${4--} in -/- | 0/0) ;; *) trial=$3 ;; esac
  # shellcheck disable=SC2046
  set -- $(best_entry)
  next=${2-} next_left=${3--}
  # shellcheck disable=SC2046
  set -- $(best_entry "$next")
  previous=${2-}
  result=$(last_result result) result_version=$(last_result version) result_time=$(last_result time)
  result_why=$(last_result text)
  # shellcheck disable=SC2046
  set -- $(entry_of "$result_version")
  case $result-${3--}/${4--} in written-0/[1-9]*) result=bad result_why=$(failure_of "$2" "$4") ;; esac # it failed before it could say so
  given_up=$(entries | while read -r place its left tries file; do
    case $left/$tries in 0/0 | [!0]*) ;; *) echo "$its: $(failure_of "$its" "$tries")" ;; esac
  done)
}

show_versions() {
  look_at_versions || { row Updates "none: $why"; return; }
  row Entry "$entry${trial:+, on trial (tries left: $trial)}"
  row Next "$([ -z "$next" ] || [ "$next" = "$version" ] || echo "$next starts at the next reboot")"
  row Fallback "$previous"
  row "Given up" "$given_up"
  row Update "${result:+$result_version: $result: }$result_why${result:+ ($result_time)}"
}

json_versions() {
  if look_at_versions; then
    printf '  "update": {\n    "entry": %s, "tries_left": %s, "next": %s, "fallback": %s, "problem": null,\n' \
      "$(text "$entry")" "$(number "$trial")" "$(text "$next")" "$(text "$previous")"
    printf '    "given_up": %s,\n' "$(printf '%s\n' "$given_up" | grep . | texts)"
    printf '    "last": {"version": %s, "result": %s, "text": %s, "time": %s}\n  },\n' "$(text "$result_version")" \
      "$(text "$result")" "$(text "$result_why")" "$(text "$result_time")"
  else
    printf '  "update": {"entry": null, "tries_left": null, "next": null, "fallback": null, "problem": %s, "given_up": [], "last": %s},\n' \
      "$(text "$why")" '{"version": null, "result": null, "text": null, "time": null}'
  fi
}
