"""Files of Debian packages that no machine reads, left out by dpkg itself (dpkg(1), --path-exclude).

The setting stays in the system, so that later packages follow it, too. Paths are those of the Filesystem Hierarchy
Standard and of Debian Policy, chapter 12: no program may need what is in /usr/share/doc. Licences stay, as their
distribution demands. docs/internals/size.md has the measurements.
"""

from __future__ import annotations

import shlex

_SETTINGS = "/etc/dpkg/dpkg.cfg.d/claylinux"
_ALL = "all"
_DOCS = (
    ("/usr/share/doc/*/*", False),
    ("/usr/share/doc/*/copyright", True),
    ("/usr/share/man/*/*", False),
    ("/usr/share/info/*", False),
    ("/usr/share/doc-base/*", False),
    ("/usr/share/gtk-doc/*", False),
    ("/usr/share/bug/*", False),
    ("/usr/share/lintian/*", False),
)
"""Patterns, and whether a match stays: the last one that matches decides. Directories stay: alternatives need them."""
_NAMES = (("*/lib/udev/hwdb.d/20-OUI.hwdb", False), ("*/lib/udev/hwdb.d/20-*-vendor*.hwdb", False))
"""Vendors' names of their devices: two thirds of udev's database, which decide nothing."""
_TRANSLATIONS = (("/usr/share/locale/*/LC_*/*", False), ("/usr/share/man/*/man*/*", False))
_LANGUAGE = tuple(f"/usr/share/{place}/{{0}}{end}" for place in ("locale", "man") for end in ("/*", "[_@]*/*"))


def leave_out(*, docs: bool, languages: tuple[str, ...]) -> str:
    """Return the script that leaves out documentation without `docs`, and translations into other than `languages`.

    English stays. What the system already has in /usr/share is removed, too. udev is not installed at that point.
    """
    rules: list[tuple[str, bool]] = []
    if _ALL not in languages:
        rules += _TRANSLATIONS
        rules += [(pattern.format(each), True) for each in ("en", *sorted(languages)) for pattern in _LANGUAGE]
    if not docs:
        rules += _DOCS + _NAMES
    if not rules:
        return ""
    lines = [f"path-{'include' if stays else 'exclude'}={pattern}" for pattern, stays in rules]
    stays_here = "-true"  # find(1) compares patterns as dpkg does: `*` matches `/`
    for pattern, stays in rules:
        stays_here = f"\\( {stays_here} {'-o' if stays else '!'} -path {shlex.quote(pattern)} \\)"
    return (
        f"mkdir -p {_SETTINGS.rpartition('/')[0]}\n"
        f"printf '%s\\n' {' '.join(map(shlex.quote, lines))} > {_SETTINGS}\n"
        f"find /usr/share ! -type d ! {stays_here} -delete\n"
    )
