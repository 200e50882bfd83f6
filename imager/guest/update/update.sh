# shellcheck shell=sh
# `claylinux update`.

update_usage() {
  cat <<END
usage: claylinux update [--check | --to VERSION] [--now] [--from URL|DIRECTORY]
  --check        only say whether there is a newer version
  --to VERSION   this version, also an older one, or one that was given up
  --now          reboot into it
  --from PLACE   from there: https://..., oci://..., or a directory
Exit codes: 0 this version is the newest, or the new one is written; 1 failed; 2 wrong usage; 3 --check: there is one.
END
}

update_command() {
  wanted='' check=no now=no place=''
  while [ $# -gt 0 ]; do
    case $1-$# in
    --check-*) check=yes ;;
    --now-*) now=yes ;;
    --serve-1) serve; return ;;
    --to-1 | --from-1) update_usage >&2; return 2 ;;
    --to-*) wanted=$2; shift ;;
    --from-*) place=$2; shift ;;
    -h-1 | --help-1) update_usage; return 0 ;;
    *) update_usage >&2; return 2 ;;
    esac
    shift
  done
  [ -z "$wanted" ] || is_version "$wanted" || { echo "claylinux: $wanted is no version" >&2; return 2; }
  [ -z "$wanted" ] || [ "$check" = no ] || { update_usage >&2; return 2; }
  prepare || return 1
  why='the reason is not known'
  trap 'detach; exit 1' HUP INT TERM
  update
  code=$?
  detach
  [ "$code" != 1 ] || failed
  [ "$code-$now-$written" != 0-yes-yes ] || reboot
  return "$code"
}

prepare() { # a directory for what comes, and nobody else who updates
  mkdir -p "$work" && chmod 700 "$work" && exec 9>"$work/lock" || return 1
  flock -n 9 || { echo "claylinux: another update is under way" >&2; return 1; }
  rm -f "$work/token" "$work/authorities"
  written=no fetched=0 begun=$(seconds)
}

failed() {
  echo "claylinux: ${new_version:-update}: $why" >&2
  tell 4 "${new_version:+$new_version: }$why"
  remember "${new_version:--}" failed "$why"
}

is_off() {
  case " $(cat "$proc/cmdline" 2>/dev/null) " in *' claylinux.update=off '*) true ;; *) false ;; esac
}

update() {
  new_version=''
  ! is_off || { why="updates are off on this machine, by claylinux.update=off on the kernel's command line"; return 1; }
  system_facts || return 1
  [ -z "$wanted" ] || ! use_own || return "$used"
  open_source "$place" && choose_version || return 1
  how=$(compare_versions "$new_version" "$version")
  if [ "$how" = 0 ]; then
    echo "$name $version is what runs already"
    remember "$version" current "it is the newest"
    return 0
  fi
  [ "$how" = 1 ] || [ -n "$wanted" ] ||
    { why="it is older than $version, which runs: to go back, run claylinux update --to $new_version"; return 1; }
  if [ "$check" = yes ]; then
    echo "$name $new_version is there, and $version runs"
    return 3
  fi
  find_places && attach rw && install_version
}

choose_version() { # reads the index of the channel, or of the version that is wanted
  get_index '' || [ -n "$wanted" ] || return 1
  if [ -n "$wanted" ] && { [ ! -s "$work/index" ] || [ "$(index_value "$work/index" version)" != "$wanted" ]; }; then
    get_index "$wanted" || return 1
  fi
  is_signed "$work/index" "$work/signature" "$ours/update.pem" ||
    { why="$from: what is there has no signature by a key of this system, and was not used"; return 1; }
  problem=$(index_problem "$work/index")
  [ -z "$problem" ] || { why="$from: the index is not one that this version understands: $problem"; return 1; }
  fits name "$name" && fits architecture "$(architecture)" && fits channel "$update_channel" || return 1
  [ -z "$wanted" ] || fits version "$wanted" || return 1
  new_version=$(index_value "$work/index" version)
  fits_index
}

fits() { # KEY VALUE: of the index, where both are known
  found=$(index_value "$work/index" "$1")
  [ -z "$found" ] || [ -z "$2" ] || [ "$found" = "$2" ] ||
    { why="$from: what is there is for the $1 $found, and this system is $2"; return 1; }
}

install_version() {
  # shellcheck disable=SC2046
  set -- $(entry_of "$version")
  [ "${3--}" = - ] || [ "${4-0}" = 0 ] ||
    { why="$version is on trial: wait until it is good, see claylinux status"; return 1; }
  will_start "$work/index" || return 1
  make_directories || { why="UPDATES cannot be written"; return 1; }
  # shellcheck disable=SC2046
  set -- $(entry_of "$new_version")
  if [ -z "$wanted" ]; then
    ! is_bad "$new_version" ||
      { why="$(failure_of "$new_version" "${4:-3}"). To try it again, run claylinux update --to $new_version"; return 1; }
    [ $# = 0 ] || { echo "$name $new_version is there already, and starts at the next reboot"; written=yes; : >"$work/pending"; return 0; }
  else
    can_go_back "$new_version" || return 1
    [ "${1-}" != updates ] || rm -f "$(uki_path "$@")" # given up, and damaged
  fi
  put_version
}

amount() { # BYTES: in words
  awk -v bytes="$1" 'BEGIN { if (bytes < 1048576) printf "%.0f kB", bytes / 1000; else printf "%.0f MiB", bytes / 1048576 }'
}

put_version() {
  clean_up "$new_version"
  own_pieces >"$work/own"
  has_room "$places/updates/EFI/Linux/${name}_$new_version.new" || return 1
  echo "writing $name $new_version: $(amount "$missing") of $(amount "$(index_value "$work/index" size)") come from $from"
  write_version "$new_version" || return 1
  set_aside_above "$new_version"
  forgive "$new_version"
  record "$new_version" written "it starts at the next reboot"
  written=yes
  : >"$work/pending"
  tell 5 "$name $new_version is written, and starts at the next reboot"
  echo "$name $new_version starts at the next reboot ($fetched bytes fetched, $copied copied, $(($(seconds) - begun)) s)"
}
