# shellcheck shell=sh
# What comes over the network: by HTTPS, or from the machine itself, or from a host that the build file names with http://.
# What it is worth, signatures and digests say.
plain_host='' # that host
pause=${pause:-2}  # seconds, times the number of the attempt
attempts=6         # in a row that bring no new byte

may_ask() { # URL
  case $1 in
  *[!!-~]* | *[\"\\]*) false ;;
  https://?*) ;;
  http://?*) is_here "$1" || [ "$(host_of "$1")" = "$plain_host" ] ;;
  *) false ;;
  esac
}

is_here() { # URL: whether it is of the machine itself
  case $1 in
  http://127.0.0.1 | http://127.0.0.1[:/]* | http://localhost | http://localhost[:/]* | http://\[::1][:/]*) ;;
  *) false ;;
  esac
}

host_of() { # URL
  echo "$1" | sed 's,^[a-z+]*://,,; s,[/?].*,,; s,:[0-9]*$,,'
}

size_of() { # FILE
  if [ -e "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi
}

# Fetches to a file, and goes on where an earlier attempt stopped. Else there is a reason in `why`, and in `status` what
# the server answered.
get() { # URL FILE MOST-BYTES [CURL-OPTION...]
  status=''
  may_ask "$1" || { why="$1: only https:// is asked, or the machine itself"; return 1; }
  attempt=0 largest=$(size_of "$2")
  while :; do
    get_once "$@" && return 0
    [ "$again" = yes ] || return 1
    [ "$(size_of "$2")" -le "$largest" ] || { attempt=0 largest=$(size_of "$2"); }
    attempt=$((attempt + 1))
    [ "$attempt" -lt "$attempts" ] || return 1
    sleep "${wait:-$((attempt * pause))}"
  done
}

get_once() { # as `get`; `again` says whether another attempt makes sense, and `wait` when
  url=$1 file=$2 most=$3 again=no wait='' status=''
  shift 3
  have=$(size_of "$file")
  [ "$have" -le "$most" ] || { : >"$file"; have=0; }
  set -- --disable --silent --show-error --fail --location --max-redirs 5 --connect-timeout 30 --speed-limit 1 \
    --speed-time 60 --user-agent claylinux --dump-header "$work/head" --write-out '%{stderr}\n%{size_download} %{size_header}' "$@"
  case $url in https:*) set -- --proto =https --proto-redir =https "$@" ;; *) set -- --proto =http,https "$@" ;; esac
  [ "$have" = 0 ] || set -- --continue-at "$have" "$@"
  [ -z "$update_rate" ] || set -- --limit-rate "$update_rate" "$@"
  [ -z "$update_proxy" ] || set -- --proxy "$update_proxy" "$@"
  [ -z "$update_ca" ] || set -- --cacert "$(authorities)" "$@"
  : >"$work/head"
  {
    curl "$@" "$url" 2>"$work/told"
    echo $? >"$work/code"
  } | head -c $((most - have + 1)) >>"$file"
  count_bytes
  [ "$(size_of "$file")" -le "$most" ] || { rm -f "$file"; why="$url: it is larger than the $most bytes that it may have"; return 1; }
  code=$(cat "$work/code")
  [ "$code" != 0 ] || return 0
  explain
  return 1
}

count_bytes() { # how many came, in `fetched`
  fetched=$((fetched + $(tail -n 1 "$work/told" | awk '{ printf "%.0f", $1 + $2 }')))
}

explain() { # what curl said
  why="$url: $(sed -n 's/^curl: ([0-9]*) //p' "$work/told" | head -n 1)"
  case $code in
  22)
    status=$(sed -n 's/^HTTP[^ ]* \([0-9][0-9][0-9]\).*/\1/p' "$work/head" | tail -n 1)
    case $status in
    401) why="$url: $(host_of "$url") wants a login, or another one: give it in $update_login" ;;
    403) why="$url: $(host_of "$url") does not allow it" ;;
    404) why="$url: there is no such file" ;;
    407) why="$url: the proxy wants a login" ;;
    416) rm -f "$file"; again=yes ;;
    408 | 429 | 5*)
      again=yes why="$url: $(host_of "$url") has a problem: it answered $status"
      wait=$(header retry-after | grep -xE '[0-9]{1,2}')
      ;;
    *) why="$url: $(host_of "$url") answered $status" ;;
    esac
    ;;
  23) why="$url: it cannot be written: is $(dirname "$file") full?" ;;
  33) : >"$file"; again=yes ;; # the server cannot go on in the middle
  5 | 6 | 7 | 18 | 28 | 52 | 55 | 56 | 92) again=yes ;;
  esac
}

header() { # NAME: of the last answer
  tr -d '\r' <"$work/head" | awk -v name="$1" '
    /^HTTP/ { found = "" }
    tolower(substr($0, 1, length(name) + 1)) == name ":" { found = substr($0, length(name) + 2); sub(/^ */, "", found) }
    END { if (found != "") print found }'
}

authorities() { # those of the system, and ours
  [ -s "$work/authorities" ] ||
    cat "$root/etc/ssl/certs/ca-certificates.crt" "$update_ca" >"$work/authorities" 2>/dev/null
  echo "$work/authorities"
}

get_with_login() { # as `get`: with the name and password that the login file has for the host, which others must not hear
  if [ -r "$update_login" ] && { is_here "$1" || [ "${1#https:}" != "$1" ]; }; then get "$@" --netrc-file "$update_login"; else get "$@"; fi
}
