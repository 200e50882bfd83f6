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

last_result() { # FIELD; of a damaged note only that it is so, as its `text`
  for file in "$work/last" "$places/updates/claylinux/last"; do
    [ -r "$file" ] || continue
    if is_note "$file"; then sed -n "s/^$1 //p" "$file"; elif [ "$1" = text ]; then echo "its note is damaged, as by a power cut"; fi
    return
  done
}

is_note() { # FILE: whether it is all that `result_text` writes
  [ "$(tr -d '\000' <"$1" | wc -c)" -eq "$(wc -c <"$1")" ] && [ "$(wc -l <"$1")" -eq 4 ] && awk '
    NR == 1 && /^version [0-9A-Za-z.~^-]+$/ || NR == 2 && /^result (current|failed|written|good|bad)$/ ||
      NR == 3 && /^time [0-9-]+T[0-9:]+Z$/ || NR == 4 && /^text / { fine++ }
    END { exit fine != 4 }' "$1"
}

failure_of() { # VERSION TRIES: why it is not started any more
  last=$places/updates/claylinux/last
  if [ "$2" = 0 ]; then
    echo "it was set aside here by --to"
  elif [ -r "$last" ] && is_note "$last" && grep -qxF "version $1" "$last" && grep -qxF 'result bad' "$last"; then
    echo "it was given up: $(sed -n 's/^text //p' "$last")"
  else
    echo "it was given up: it did not come up, and said nothing (tries: $2)"
  fi
}
