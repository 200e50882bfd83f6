"""Names and passwords of repositories for an apk that does not read them itself."""

from __future__ import annotations

from .family import MEMORY

# Prints lines of repositories with the names and passwords of a netrc, which is the first file.
_WITH_PASSWORDS = r"""
function coded(text,  at, done) {
  for (at = 1; at <= length(text); at++) done = done codes[substr(text, at, 1)]
  return done
}
BEGIN {
  for (at = 1; at < 256; at++) {
    char = sprintf("%c", at)
    codes[char] = char ~ /[A-Za-z0-9._~-]/ ? char : sprintf("%%%02X", at)
  }
}
NR == FNR {
  for (at = 1; at <= NF; at++) {
    if (word == "machine") host = $at
    else if (word == "login") login[host] = coded($at)
    else if (word == "password") password[host] = coded($at)
    word = word ~ /^(machine|login|password)$/ ? "" : $at
  }
  next
}
match($0, /https?:\/\//) {
  before = substr($0, 1, RSTART + RLENGTH - 1)
  host = after = substr($0, RSTART + RLENGTH)
  sub(/[:\/].*/, "", host)
  if (host in password && after !~ /^[^\/]*@/) $0 = before login[host] ":" password[host] "@" after
}
{ print }
"""


def credentials(cache: str) -> str:
    """Return the script that sets `repositories`, if apk must get passwords in URLs, to a file in memory with them.

    apk knows NETRC since 2.14.10. An older one prints `*` in place of a password in a URL since 2.12. It calls lists
    in its directory `cache` after their URLs, so they are removed in the end.
    """
    return f"""\
repositories=
older() {{ [ "$(command apk version -t "$version" "$1")" = "<" ]; }}
if [ -n "${{NETRC:-}}" ]; then
  version=$(command apk --version | sed -E 's/^apk-tools ([0-9.]+).*/\\1/')
  if older 2.12; then
    echo "claylinux: package_manager: apk $version would print the password: take a newer base" >&2
    exit 1
  elif older 2.14.10; then
    repositories={MEMORY}/repositories
    cat /etc/apk/repositories /etc/apk/repositories.d/*.list 2>/dev/null |
      awk '{_WITH_PASSWORDS}' "$NETRC" - > $repositories
    trap 'rm -f {cache}/APKINDEX.*' EXIT
  fi
fi
"""
