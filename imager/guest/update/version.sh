# shellcheck shell=sh
# The order of versions: UAPI.10, the one that systemd-boot uses.

is_version() { # TEXT: whether it can be part of a file name, and has no part that the order would leave out
  case $1 in '' | *[!0-9A-Za-z.~^-]* | [!0-9A-Za-z]*) false ;; *) [ "${#1}" -le 128 ] ;; esac
}

compare_versions() { # A B: prints -1, 0 or 1. Both are versions by `is_version`
  awk -v a="$1" -v b="$2" '
    function sign(x, y) { return x == y ? 0 : x < y ? -1 : 1 }
    function has(text, character) { return substr(text, 1, 1) == character }
    function decide(how) { if (how != 0) { print how; exit } }
    function separator(character) { # a version that goes on is newer than one that has this separator
      if (!has(a, character) && !has(b, character)) return
      decide(has(b, character) - has(a, character))
      a = substr(a, 2); b = substr(b, 2)
    }
    function digits(text) { return match(text, /^[0-9]+/) ? substr(text, 1, RLENGTH) : "" }
    function letters(text) { return match(text, /^[A-Za-z]+/) ? substr(text, 1, RLENGTH) : "" }
    function number(text) { sub(/^0+/, "", text); return text }
    BEGIN {
      for (;;) {
        separator("~")
        if (a == "" || b == "") { print sign(a != "", b != ""); exit }
        separator("-"); separator("^"); separator(".")
        if (a ~ /^[0-9]/ || b ~ /^[0-9]/) {
          x = digits(a); y = digits(b)
          decide(sign(x != "", y != ""))
          a = substr(a, length(x) + 1); b = substr(b, length(y) + 1)
          x = number(x); y = number(y)
          decide(sign(length(x), length(y)))
        } else {
          x = letters(a); y = letters(b)
          a = substr(a, length(x) + 1); b = substr(b, length(y) + 1)
        }
        decide(sign(x "", y ""))
      }
    }'
}
