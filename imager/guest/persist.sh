# shellcheck shell=sh
# The directories that stay. At the first boot they are copied from the image, then the copies are used. Where a later
# image has another file, it takes the place of a copy that nobody changed. What was changed stays, and is shown.
#
# A list has a line for each file of the image in these directories: kind (f, l, d), digest, path. `image.list` is that of
# the image that runs, `seen.list` that of the image whose files were taken last, `base.list` says which file of an image
# each copy was.
lists=${lists:-$ours}

keep_paths() {
  mkdir -p "$root$store/$own" "$root$store/persist"
  while IFS= read -r path; do
    seed "$path" || { problem "$path could not be copied from the image, so it does not stay: is the partition full?"; continue; }
    echo "$path"
  done <"$lists/persist.list" >"$root$store/$own/paths.new"
  take_new_files
  while IFS= read -r path; do
    mount -o bind "$root$store/persist$path" "$root$path" || problem "$path cannot be mounted"
  done <"$root$store/$own/paths.new"
  rm -f "$root$store/$own/paths.new"
}

seed() { # DIRECTORY: copy it, unless it was
  kept=$root$store/persist$1 new=$root$store/$own/new
  [ ! -d "$kept" ] || return 0
  rm -rf "$new"
  cp -a "$root$1" "$new" 2>/dev/null && mkdir -p "${kept%/*}" && sync && mv "$new" "$kept" || { rm -rf "$new"; return 1; }
  awk -v directory="$1/" '{ path = $0; sub(/^[^ ]+ [^ ]+ /, "", path) } index(path, directory) == 1' \
    "$lists/image.list" >>"$root$store/$own/base.list"
}

digest() { # PATH: kind and digest of what is there now
  if [ -L "$1" ]; then
    echo "l $(printf %s "$(readlink "$1")" | sha256sum | cut -c 1-64)"
  elif [ -f "$1" ]; then
    echo "f $(sha256sum <"$1" | cut -c 1-64)"
  elif [ -d "$1" ]; then
    echo "d -"
  fi
}

# Prints what two lists say differently: the line of the second without its path, that of the first, the path.
compare_lists() { # BASE IMAGE
  awk '
    { path = $0; sub(/^[^ ]+ [^ ]+ /, "", path); says = $1 " " $2 }
    NR == FNR { base[path] = says; next }
    { image[path] = says }
    END {
      for (path in image) {
        before = path in base ? base[path] : "- -"
        if (image[path] != before) print image[path], before, path
      }
      for (path in base) if (!(path in image)) print "- -", base[path], path
    }' "$1" "$2" | sort -k 5
}

take_new_files() {
  seen=$root$store/$own/seen.list base=$root$store/$own/base.list
  touch "$base"
  ! cmp -s "$lists/image.list" "$seen" || return 0
  compare_lists "$base" "$lists/image.list" | while read -r kind new old_kind old path; do
    take_file "$kind $new" "$old_kind $old" "$path"
  done
  remember
  save "$lists/image.list" "$seen"
}

take_file() { # NEW OLD PATH: where nobody changed the copy
  kept=$root$store/persist$3
  now=$(digest "$kept")
  [ "$now" != "$1" ] && [ "${now:-- -}" = "$2" ] || return 0
  case $1 in
  "- -")
    if [ "$now" = "d -" ]; then
      rmdir "$kept" 2>/dev/null || : # it has files of the machine
    else
      rm -f "$kept"
    fi
    ;;
  "d -")
    rm -f "$kept"
    mkdir -p "$kept"
    chown "$(stat -c %u:%g "$root$3")" "$kept"
    chmod "$(stat -c %a "$root$3")" "$kept"
    ;;
  *)
    mkdir -p "${kept%/*}"
    cp -a "$root$3" "$kept.claylinux" && mv -f "$kept.claylinux" "$kept"
    ;;
  esac
}

remember() { # the base of a copy is the image's file if both are the same now; else it stays what it was
  list=$root$store/$own/base.list
  compare_lists "$list" "$lists/image.list" | while read -r kind new old_kind old path; do
    [ "$(digest "$root$store/persist$path")" != "$kind $new" ] || echo "$kind $new $path"
    [ "$kind" != - ] || echo "- - $path"
  done >"$list.news"
  awk '
    { path = $0; sub(/^[^ ]+ [^ ]+ /, "", path) }
    NR == FNR { news[path] = $0; next }
    !(path in news) { print }
    END { for (path in news) if (news[path] !~ /^- /) print news[path] }' "$list.news" "$list" >"$list.now"
  save "$list.now" "$list"
  rm -f "$list.news" "$list.now"
}

differences() { # what is not as the image has it: `changed`, `removed`, or `newer` where the image has a newer one, and the path
  [ -d "$root$store/$own" ] || return 0 # nothing stays
  while read -r kind digest path; do
    now=$(digest "$root$store/persist$path")
    [ "$kind" != d ] && [ "$now" != "$kind $digest" ] || continue
    if ! grep -qxF "$kind $digest $path" "$root$store/$own/base.list"; then
      echo "newer $path"
    elif [ -z "$now" ]; then
      echo "removed $path"
    else
      echo "changed $path"
    fi
  done <"$lists/image.list"
}

take() { # PATH: use the file of the image instead of the changed copy; fails if the image has none there
  line=$(awk -v wanted="$1" '{ path = $0; sub(/^[^ ]+ [^ ]+ /, "", path) } path == wanted' "$lists/image.list")
  case $line in f* | l*) ;; *) return 1 ;; esac
  kept=$root$store/persist$1 image=$root$store/$own/image base=$root$store/$own/base.list
  mkdir -p "$image" "${kept%/*}"
  mount -o bind "$root/" "$image" || return 1 # without what is mounted over the directories that stay
  cp -a "$image$1" "$kept.claylinux" && mv -f "$kept.claylinux" "$kept"
  taken=$?
  umount "$image"
  rmdir "$image"
  [ "$taken" = 0 ] || return 1
  { awk -v wanted="$1" '{ path = $0; sub(/^[^ ]+ [^ ]+ /, "", path) } path != wanted' "$base"; echo "$line"; } >"$base.now"
  save "$base.now" "$base"
  rm -f "$base.now"
}
