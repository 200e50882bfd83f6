"""How apt's steps use more than one processor: archives are decompressed ahead of dpkg.

dpkg unpacks and sets up one package after the other; most of its unpacking is xz. Before it starts, apt tells a hook
what it will unpack, in order (apt.conf(5), DPkg::Pre-Install-Pkgs). From then on, processes beside dpkg write the
content of archives into memory. dpkg looks for `dpkg-deb` in the PATH, and finds a program there that hands over this
content, the same bytes. If it is not ready, or cannot be read, that program starts the real dpkg-deb, which tells why.
"""

from __future__ import annotations

import shlex

_WORTH_IT = "+255k"
"""The size of archives that take longer to decompress than to start the processes for it, for find(1)."""
_NOT_LARGE = "-32M"
"""The size of archives whose content is kept in memory. dpkg-deb reads larger ones itself, with several threads."""
_LIMIT = 64
"""MiB of content that dpkg has not read yet: with more, no other archive is begun."""
_MOST = 3
"""Processes beside dpkg. It is busy itself: more of them would have nothing to do."""

# Whoever makes the directory of an archive reads it. A lock ends with the process that holds it, so nobody waits for a
# process that was killed.
_START = """\
PATH=${{PATH#{place}/bin:}}
find $(cat) -maxdepth 0 -size {worth_it} -size {not_large} > {place}/order 2>/dev/null || :
ahead() {{
  while read -r archive; do
    while [ "$(du -sm {place} | cut -f 1)" -ge {limit} ]; do sleep 0.3; done
    own={place}/$(readlink -f "$archive" | tr / %)
    mkdir "$own" 2>/dev/null || continue
    flock "$own" sh -c 'dpkg-deb --fsys-tarfile "$1" > "$2/part" && mv "$2/part" "$2/tar" || rm -f "$2/part"' \\
      - "$archive" "$own"
  done < {place}/order
}}
for each in $(seq 2 "$(nproc)" | head -n {most}); do
  ahead >/dev/null 2>&1 3>&- &
done
"""
_HAND_OVER = """\
#!/bin/sh
PATH=${{PATH#{place}/bin:}}
[ "$1" = --fsys-tarfile ] || exec dpkg-deb "$@"
own={place}/$(readlink -f "$2" | tr / %)
mkdir "$own" 2>/dev/null || flock "$own" true
[ -e "$own/tar" ] || exec dpkg-deb "$@"
exec < "$own/tar"
rm "$own/tar"
exec cat
"""
_SET_UP = """\
mkdir -p {place}/bin
printf %s {start} > {place}/start
printf %s {hand_over} > {place}/bin/dpkg-deb
chmod 755 {place}/bin/dpkg-deb
"""


def set_up(place: str) -> str:
    """Return the script that writes both programs into the directory `place`, which is in memory."""
    start = _START.format(place=place, worth_it=_WORTH_IT, not_large=_NOT_LARGE, limit=_LIMIT, most=_MOST)
    hand_over = _HAND_OVER.format(place=place)
    return _SET_UP.format(place=place, start=shlex.quote(start), hand_over=shlex.quote(hand_over))


def options(place: str) -> tuple[str, ...]:
    """Return the options of apt that let it use them. Programs of packages find `dpkg-deb` there, too."""
    return (
        f"DPkg::Path={place}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        f"DPkg::Pre-Install-Pkgs::=sh {place}/start",
    )
