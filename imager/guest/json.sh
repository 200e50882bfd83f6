# shellcheck shell=sh
# `claylinux status --json`: docs/status.schema.json describes it.

text() { # TEXT: as a value of JSON; null if there is none
  if [ -n "$1" ]; then
    printf '"%s"' "$(printf '%s' "$1" | tr '\n' ' ' | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g')"
  else
    printf null
  fi
}

texts() { # a list of the lines of the standard input
  separator='['
  while IFS= read -r line; do
    printf '%s%s' "$separator" "$(text "$line")"
    separator=', '
  done
  case $separator in '[') printf '[]' ;; *) printf ']' ;; esac
}

number() { # NUMBER
  printf '%s' "${1:-null}"
}

show_json() {
  printf '{\n  "schema": 1,\n'
  printf '  "system": {"name": %s, "version": %s, "os": %s, "kernel": %s},\n' "$(text "$(os_release IMAGE_ID)")" \
    "$(text "$(os_release IMAGE_VERSION)")" "$(text "$(os_release PRETTY_NAME)")" "$(text "$(uname -r)")"
  record=$(signer_record)
  printf '  "boot": {"device": %s, "secure_boot": %s, "signer": %s},\n' \
    "$(text "$(boot_device)")" "$(text "$(secure_boot)")" "${record:-null}"
  if [ -d "$ours/update" ]; then json_versions; else printf '  "update": null,\n'; fi
  set -- $(usage_of /)
  printf '  "memory": {"total": %s, "available": %s, "changes": %s, "changes_limit": %s},\n' \
    "$(number "$(memory MemTotal)")" "$(number "$(memory MemAvailable)")" "$(number "${2-}")" "$(number "${1-}")"
  count=$(layers)
  printf '  "layers": {"count": %s, "size": %s},\n' "$(number "$count")" "$(number "${count:+$(layers_size)}")"
  json_state
  printf '  "persist": {\n    "words": %s,\n    "paths": %s,\n    "differences": [' \
    "$(printf '%s\n' $persist_words | grep . | texts)" "$(kept_paths | texts)"
  separator=''
  differences | while read -r how path; do
    printf '%s\n      {"path": %s, "how": "%s"}' "$separator" "$(text "$path")" "$how"
    separator=,
  done
  printf ']\n  }\n}\n'
}

json_state() {
  set -- $(mount_of "$store") # nothing, or device and type
  node=${1-} kind=${2-}
  set -- $([ -z "$node" ] || usage_of "$store")
  printf '  "state": {"device": %s, "type": %s, "encrypted": %s, "mounted_on": %s, "size": %s, "used": %s, "problem": %s},\n' \
    "$(text "$node")" "$(text "$kind")" "$(encrypted "$node")" "$(text "${node:+$store}")" "$(number "${1-}")" "$(number "${2-}")" \
    "$(text "$(state_problem)")"
}

encrypted() { # NODE
  case $1 in '') echo null ;; /dev/mapper/*) echo true ;; *) echo false ;; esac
}
