# shellcheck shell=sh
# The directories that stay. At the first boot they are copied from the image, then the copies are used. Where a later
# image has another file, it takes the place of a copy that nobody changed. What was changed stays, and is shown.
#
# A list has a line for each file of the image in these directories: kind (f, l, d), digest, rights (mode, owner and group),
# path. `image.list` is that of the image that runs, `seen.list` that of the image whose files were taken last, `base.list`
# says which file of an image each copy was. The content of a file and its rights are decided each on its own.
lists=${lists:-$ours}
nothing='- - -' # what a list says of a file that is not there

keep_paths() {
  while IFS= read -r path; do
    seed "$path" || { problem "$(unseeded "$path")"; continue; }
    echo "$path"
  done <"$lists/persist.list" >"$root$store/$own/paths.new"
  take_new_files
  while IFS= read -r path; do
    (enter "persist$path" && mount -o bind . "$root$path") || problem "$path cannot be mounted"
  done <"$root$store/$own/paths.new"
  rm -f "$root$store/$own/paths.new"
}

seed() { # DIRECTORY: copy it, unless it was
  ! (enter "persist$1") || return 0
  new=$root$store/$own/new
  rm -rf "$new"
  [ -z "$(obstacle "persist$1")" ] && cp -a "$root$1" "$new" 2>/dev/null && sync &&
    (enter "persist${1%/*}" make && mv -T "$new" "./${1##*/}") || { rm -rf "$new"; return 1; }
  awk -v directory="$1" '
    { path = $0; sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", path) }
    path == directory || index(path, directory "/") == 1' "$lists/image.list" >>"$root$store/$own/base.list"
}

unseeded() { # DIRECTORY: why it does not stay
  found=$(obstacle "persist$1")
  if [ -n "$found" ]; then
    echo "$found is no directory, so it was not followed, and $1 does not stay"
  else
    echo "$1 could not be copied from the image, so it does not stay: is the partition full?"
  fi
}

look() { # PATH: what a list would say of what is there
  (
    enter "persist${1%/*}" || { echo "$nothing"; exit; }
    name=./${1##*/}
    if [ -L "$name" ]; then
      says="l $(printf %s "$(readlink "$name")" | sha256sum | cut -c 1-64)"
    elif [ -f "$name" ]; then
      says="f $(sha256sum <"$name" | cut -c 1-64)"
    elif [ -d "$name" ]; then
      says="d -"
    elif [ -e "$name" ]; then
      says="o -"
    else
      echo "$nothing"
      exit
    fi
    echo "$says $(stat -c %a:%u:%g "$name")"
  )
}

# Prints what two lists say differently: what the second says, what the first, the path. Both are about directories that
# stay: what else the first one names is left alone.
compare_lists() {
  plain_lines "$root$store/$own/base.list" | awk '
    { path = $0; sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", path); says = $1 " " $2 " " $3 }
    list == "stay" { stay[$0] = 1; next }
    list == "base" { base[path] = says; next }
    { image[path] = says }
    function stays(path) {
      for (; path != ""; sub(/\/[^\/]*$/, "", path)) if (path in stay) return 1
    }
    END {
      for (path in image) {
        before = path in base ? base[path] : "- - -"
        if (image[path] != before) print image[path], before, path
      }
      for (path in base) if (!(path in image) && stays(path)) print "- - -", base[path], path
    }' list=stay "$lists/persist.list" list=base - list=image "$lists/image.list"
}

take_new_files() {
  seen=$root$store/$own/seen.list news=$root$store/$own/news.list
  touch "$root$store/$own/base.list"
  ! cmp -s "$lists/image.list" "$seen" || return 0
  compare_lists >"$news"
  for order in r ''; do # what goes, from the inside; then what comes, from the outside
    sort "-${order}k" 7 "$news" | while read -r kind digest rights old old_digest old_rights path; do
      case $order$kind in r- | [!r-]) take_file "$kind $digest" "$rights" "$old $old_digest" "$old_rights" "$path" ;; esac
    done
  done
  rm -f "$news"
  remember_bases
  save "$lists/image.list" "$seen"
}

take_file() { # NEW NEW-RIGHTS OLD OLD-RIGHTS PATH: where nobody changed the copy
  now=$(look "$5")
  rights=${now##* } now=${now% *}
  if [ "$now" = "$3" ] && [ "$now" != "$1" ]; then
    replace "$1" "$5"
    [ "$rights" != "$4" ] && [ "${now%% *}" = "${1%% *}" ] || rights=$2 # the rights that the machine gave it stay
    [ "$1" = "- -" ] || give_rights "$rights" "$5"
  elif [ "$rights" = "$4" ] && [ "$rights" != "$2" ] && [ "${now%% *}" = "${1%% *}" ]; then
    give_rights "$2" "$5"
  fi
}

replace() { # NEW PATH: by the file of the image; a directory that has files of the machine stays
  taken=$root$store/$own/taken
  (
    make=make name=./${2##*/}
    [ "$1" != "- -" ] || make=''
    enter "persist${2%/*}" $make || exit
    if [ -d "$name" ] && [ ! -L "$name" ]; then rmdir "$name" 2>/dev/null || exit; fi
    case $1 in
    "- -") rm -f "$name" ;;
    "d -") rm -f "$name"; mkdir "$name" ;;
    *) cp -a "$root$2" "$taken" && take_place "$taken" "$name" ;;
    esac
  )
}

give_rights() { # MODE:OWNER:GROUP PATH
  (
    enter "persist${2%/*}" || exit
    chown -h "${1#*:}" "./${2##*/}"
    [ -L "./${2##*/}" ] || chmod "${1%%:*}" "./${2##*/}"
  ) 2>/dev/null
}

remember_bases() { # the base of a copy is what the image has if both are the same now; else it stays what it was
  list=$root$store/$own/base.list
  compare_lists | while read -r kind digest rights old old_digest old_rights path; do
    now=$(look "$path")
    says="$old $old_digest"
    [ "${now% *}" != "$kind $digest" ] || says="$kind $digest"
    [ "${now##* }" != "$rights" ] || old_rights=$rights
    [ "$kind" != - ] || says='- -'
    echo "$says $old_rights $path"
  done >"$list.news"
  plain_lines "$list" | awk '
    { path = $0; sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", path) }
    list == "news" { news[path] = $0; next }
    !(path in news) { print }
    END { for (path in news) if (news[path] !~ /^- /) print news[path] }' list=news "$list.news" list=base - >"$list.now"
  save "$list.now" "$list"
  rm -f "$list.news" "$list.now"
}

# What is not as the image has it: `changed`, `removed`, `rights`, or `newer` where the image has a newer one, and the path.
# Services change the rights of directories as a matter of course.
differences() {
  [ -d "$root$store/$own" ] || return 0 # nothing stays
  while read -r kind digest rights path; do
    now=$(look "$path")
    [ "$now" != "$kind $digest $rights" ] && [ "$kind $now" != "d $nothing" ] || continue
    if ! grep -qxF "$kind $digest $rights $path" "$root$store/$own/base.list"; then
      echo "newer $path"
    elif [ "$now" = "$nothing" ]; then
      echo "removed $path"
    elif [ "${now% *}" != "$kind $digest" ]; then
      echo "changed $path"
    elif [ "$kind" != d ]; then
      echo "rights $path"
    fi
  done <"$lists/image.list"
}

take() { # PATH: use the file of the image instead of the changed copy; fails if the image has none there
  line=$(awk -v wanted="$1" '{ path = $0; sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", path) } path == wanted' "$lists/image.list")
  case $line in f* | l*) ;; *) return 1 ;; esac
  image=$root/run/claylinux/image taken=$root$store/$own/taken base=$root$store/$own/base.list
  mkdir -p "$image"
  mount -o bind "$root/" "$image" || return 1 # without what is mounted over the directories that stay
  cp -a "$image$1" "$taken" && (enter "persist${1%/*}" make && take_place "$taken" "${1##*/}")
  done=$?
  umount "$image"
  rmdir "$image"
  rm -f "$taken"
  [ "$done" = 0 ] || return 1
  { awk -v wanted="$1" '{ path = $0; sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", path) } path != wanted' "$base"; echo "$line"; } >"$base.now"
  save "$base.now" "$base"
  rm -f "$base.now"
}
