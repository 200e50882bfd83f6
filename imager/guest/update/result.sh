# shellcheck shell=sh
# What became of the last update. It is on UPDATES when it is about a version that was written, so that it outlives a
# reboot into another one.

result_text() { # VERSION RESULT TEXT
  printf 'version %s\nresult %s\ntime %s\ntext %s\n' "$1" "$2" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(echo "$3" | tr '\n' ' ' | sed 's/ *$//' | cut -c 1-500)"
}

record() { # VERSION RESULT TEXT: on UPDATES, which is attached for writing. `written`, `good` or `bad`
  make_directories
  result_text "$@" >"$places/updates/claylinux/last.new"
  mv "$places/updates/claylinux/last.new" "$places/updates/claylinux/last"
  rm -f "$work/last"
}

remember() { # VERSION RESULT TEXT: until the next reboot. `current`, `failed`
  result_text "$@" >"$work/last"
}

last_result() { # FIELD
  for file in "$work/last" "$places/updates/claylinux/last"; do
    [ ! -r "$file" ] || { sed -n "s/^$1 //p" "$file"; return; }
  done
}

failure_of() { # VERSION TRIES: why it is not started any more
  last=$places/updates/claylinux/last
  if [ "$2" = 0 ]; then
    echo "it was set aside here by --to"
  elif [ -r "$last" ] && grep -qxF "version $1" "$last" && grep -qxF 'result bad' "$last"; then
    echo "it was given up: $(sed -n 's/^text //p' "$last")"
  else
    echo "it was given up: it did not come up, and said nothing (tries: $2)"
  fi
}
