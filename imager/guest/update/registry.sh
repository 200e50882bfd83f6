# shellcheck shell=sh
# A registry: a version is an image, whose layers are the pieces in the order of the index, and then the index. What a
# registry says is read by strict patterns, and has to fit what is signed.
most_answer=1048576 # bytes of a manifest
media='application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json'

# A line for each value that is no list or object: its path, a tab, and the value as it is there.
values_of() { # FILE: in JSON
  tr '\n\r\t' '   ' <"$1" | grep -oE '"([^"\\]|\\.)*"|[][{},:]|[^][{},:" ]+' | awk '
    function path(  each, text) {
      for (each = 1; each <= depth; each++) text = text (each > 1 ? "/" : "") part[each]
      return text
    }
    /^[[{]$/ { if (++depth > 16) exit; list[depth] = is_value = $0 == "["; part[depth] = 0; next }
    /^[]}]$/ { if (--depth < 1) exit; is_value = 0; next }
    $0 == "," { if (list[depth]) part[depth]++; is_value = list[depth]; next }
    $0 == ":" { is_value = 1; next }
    is_value { print path() "\t" $0; next }
    { part[depth] = $0 ~ /^"[A-Za-z0-9._-]+"$/ ? substr($0, 2, length($0) - 2) : "?" }'
}

open_registry() { # oci://HOST[:PORT]/NAME[:TAG]
  image=${1#oci*://}
  case ${image##*/} in *:*) tag=${image##*:} image=${image%:*} ;; *) tag=${update_channel:-stable} ;; esac
  case ${1%%://*}:${image%%/*} in oci+http:*) scheme=http plain_host=$(host_of "$1") ;; oci:127.0.0.1 | oci:127.0.0.1:* | oci:localhost | oci:localhost:* | oci:\[::1]*) scheme=http ;; *) scheme=https ;; esac
  repository=${image#*/}
  case $image:$tag in
  *[!a-z0-9./:_A-Z\[\]-]* | /* | */:* | *//*) ;;
  */*) api=$scheme://${image%%/*}/v2/$repository; return ;;
  esac
  why="$1: not the address of a registry: oci://registry.example/name"
  return 1
}

ask() { # URL FILE MOST ACCEPT: as `get`, and logs in where that is wanted
  rm -f "$work/head"
  if [ -s "$work/token" ]; then
    get "$1" "$2" "$3" --header "Accept: $4" --config "$work/token" && return 0
  else
    get_with_login "$1" "$2" "$3" --header "Accept: $4" && return 0
  fi
  [ "$status" = 401 ] && log_in && get "$1" "$2" "$3" --header "Accept: $4" --config "$work/token"
}

log_in() { # get the token that the last answer wants
  told=$(header www-authenticate | grep -im 1 '^bearer ') || return 1
  realm=$(parameter realm) service=$(parameter service)
  may_ask "$realm" || { why="$api: it wants a token of $realm, which is no https://"; return 1; }
  rm -f "$work/token" "$work/answer"
  get_with_login "$realm" "$work/answer" 65536 --get --data-urlencode "service=$service" \
    --data-urlencode "scope=repository:$repository:pull" || return 1
  token=$(values_of "$work/answer" | awk -F '\t' '
    ($1 == "token" || $1 == "access_token") && $2 ~ /^"[A-Za-z0-9._~+\/=-]+"$/ { print substr($2, 2, length($2) - 2); exit }')
  [ -n "$token" ] || { why="$realm: its answer has no token"; return 1; }
  echo "header = \"Authorization: Bearer $token\"" >"$work/token" # not in the arguments, which all users can see
}

parameter() { # NAME: of what the last answer wants
  echo "$told" | sed -n "s/.*[ ,]$1=\"\([^\"]*\)\".*/\1/p"
}

get_manifest() { # TAG: the layers, as lines of digest and size
  read_manifest "$1" || return 1
  if values_of "$work/manifest" | grep '^manifests/' >/dev/null; then # one for each architecture, and others that say how it was built
    digest=$(values_of "$work/manifest" | awk -F '\t' -v wanted="\"$(architecture)\"" '
      $1 ~ /^manifests\/[0-9]+\/digest$/ { split($1, part, "/"); digest[part[2]] = $2 }
      $1 ~ /^manifests\/[0-9]+\/platform\/architecture$/ && $2 == wanted { split($1, part, "/"); fits[part[2]] = 1 }
      END { for (each in fits) if (digest[each] ~ /^"sha256:[0-9a-f]+"$/) { print substr(digest[each], 2, 71); exit } }')
    [ -n "$digest" ] || { why="$image:$1 has nothing for $(architecture)"; return 1; }
    read_manifest "$digest" || return 1
    [ "sha256:$(digest_of "$work/manifest")" = "$digest" ] || { why="$image: the manifest is not $digest"; return 1; }
  fi
  values_of "$work/manifest" | awk -F '\t' '
    $1 ~ /^layers\/[0-9]+\/digest$/ && $2 ~ /^"sha256:[0-9a-f]+"$/ && length($2) == 73 { split($1, part, "/"); digest[part[2]] = substr($2, 2, 71) }
    $1 ~ /^layers\/[0-9]+\/size$/ && $2 ~ /^[0-9]+$/ && length($2) < 16 { split($1, part, "/"); size[part[2]] = $2 }
    END { for (each = 0; (each in digest) && (each in size); each++) print digest[each], size[each] }' >"$work/layers"
  [ -s "$work/layers" ] || { why="$image:$1 is no image that we can read"; return 1; }
}

read_manifest() { # TAG-OR-DIGEST
  rm -f "$work/manifest"
  ask "$api/manifests/$1" "$work/manifest" "$most_answer" "$media" && return 0
  case $why in "$api/manifests/$1: there is no such file") why="$image: it has no \"$1\"" ;; esac
  return 1
}

get_layer() { # NUMBER FILE MOST-BYTES: goes on where an earlier attempt stopped
  # shellcheck disable=SC2046
  set -- "$2" "$3" $(sed -n "${1}p" "$work/layers")
  [ "${4:-0}" -gt 0 ] && [ "$4" -le "$2" ] || { why="$image: a layer has ${4:-no} bytes, where at most $2 are expected"; return 1; }
  [ "$(size_of "$1")" = "$4" ] || ask "$api/blobs/$3" "$1" "$4" '*/*' || return 1
  [ "sha256:$(digest_of "$1")" = "$3" ] || { rm -f "$1"; damaged=yes why="$image: a layer arrived damaged: it is not $3"; return 1; }
}

unpack() { # FILE MEMBER MOST-BYTES: of a layer
  case $(head -c 4 "$1" | od -An -tx1 | tr -d ' \n') in
  1f8b*) gzip -dc "$1" ;;
  28b52ffd) zstd -dcq "$1" ;;
  *) cat "$1" ;;
  esac 2>/dev/null | tar -xOf - "$2" 2>/dev/null | head -c "$3"
}

can_unpack() { # FILE
  [ "$(head -c 4 "$1" | od -An -tx1 | tr -d ' \n')" != 28b52ffd ] || command -v zstd >/dev/null ||
    { why="$image: its layers need zstd: add it to \`packages\`, or build with compression=gzip"; return 1; }
}
