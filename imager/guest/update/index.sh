# shellcheck shell=sh
# The index of a version, NAME_VERSION.pieces: what it is, and of which pieces its file consists. imager/update writes it.
most_index=1048576 # bytes

index_problem() { # FILE: prints what is wrong with its form, or nothing
  [ "$(wc -c <"$1")" -le "$most_index" ] || { echo "it is too large"; return; }
  awk '
    function wrong(what) { if (problem == "") problem = "line " NR ": " what }
    function once() { if (seen[$1]++) wrong("a second " $1); if (NF != 2) wrong($1 " has not one value") }
    function is_number(text) { return text ~ /^(0|[1-9][0-9]*)$/ && length(text) <= 15 }
    function is_digest(text) { return length(text) == 64 && text ~ /^[0-9a-f]+$/ }
    NR == 1 { if ($0 != "claylinux-update 1") wrong("not an index of the form 1"); next }
    $1 == "name" { once(); if ($2 !~ /^[a-z0-9][a-z0-9._-]*$/) wrong("not a name") }
    $1 == "version" { once(); if ($2 !~ /^[0-9A-Za-z][0-9A-Za-z.~^-]*$/ || length($2) > 128) wrong("not a version") }
    $1 == "architecture" { once(); if ($2 !~ /^[a-z0-9]+$/) wrong("not an architecture") }
    $1 == "channel" { once() }
    $1 == "size" { once(); if (!is_number($2)) wrong("not a size"); total = $2 + 0 }
    $1 == "sha256" { once(); if (!is_digest($2)) wrong("not a digest") }
    $1 == "space" { once(); if (!is_number($2)) wrong("not a size") }
    $1 == "certificate" { once(); if ($2 !~ /^[0-9A-Za-z+\/=]+$/) wrong("not a certificate") }
    $1 == "piece" {
      pieces++
      if (NF != 4 || !is_digest($2) || !is_number($3) || !is_number($4) || $4 + 0 < 1) wrong("not a piece")
      else if ($3 + 0 < end) wrong("a piece that begins in the one before")
      if ($2 in size && size[$2] != $4) wrong("a piece that has two sizes")
      size[$2] = $4
      end = $3 + $4
    }
    END {
      count = split("name version architecture size sha256", needed, " ")
      for (i = 1; i <= count; i++) if (!seen[needed[i]] && problem == "") problem = "it has no " needed[i]
      if (problem == "" && !pieces) problem = "it has no piece"
      if (problem == "" && end > total) problem = "its pieces are larger than its size"
      print problem
    }' "$1"
}

digest_of() { # FILE
  sha256sum <"$1" | cut -c 1-64
}

index_value() { # FILE KEY
  awk -v key="$2" '$1 == key { print $2; exit }' "$1"
}

distinct_pieces() { # FILE: digest and size of each, in order
  awk '$1 == "piece" && !seen[$2]++ { print $2, $4 }' "$1"
}

# A line for each step to write the file from its beginning: `zeros - SIZE` or `piece DIGEST SIZE`.
steps_of() { # FILE
  awk '
    $1 == "size" { total = $2 }
    $1 == "piece" {
      if ($3 + 0 > at) printf "zeros - %.0f\n", $3 - at
      print "piece", $2, $4
      at = $3 + $4
    }
    END { if (total + 0 > at) printf "zeros - %.0f\n", total - at }' "$1"
}

# Whether one of our keys signed it. Several are there while one takes the place of another.
is_signed() { # FILE SIGNATURE KEYS: `KEYS` is a file with public keys
  rm -f "$work"/key.*
  awk -v to="$work/key." '
    /^-----BEGIN PUBLIC KEY-----/ { count++; file = to count }
    file != "" { print >file }
    /^-----END PUBLIC KEY-----/ { close(file); file = "" }' "$3"
  for key in "$work"/key.*; do
    [ ! -f "$key" ] || ! openssl dgst -sha256 -verify "$key" -signature "$2" "$1" >/dev/null 2>&1 || return 0
  done
  return 1
}
