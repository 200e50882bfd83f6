"""The locale of a system: locale.conf(5) for services, /etc/default/locale for logins with PAM, a profile for musl."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs.root import Root
from imager.rootfs.text import write
from imager.rootfs.writing import make_link
from spec.region import PLAIN_LOCALES

if TYPE_CHECKING:
    from imager.requests.region import Locale

_LOCALES = "usr/lib/locale"
_NAMES_OF_ARCHIVE = 4 << 20
"""The bytes of a locale-archive that have all its names: the data comes behind them."""
_PROFILE = "/etc/profile.d/10claylinux-locale.sh"
"""Before Alpine's own 20locale.sh, which sets what is not set."""


def run(request: Locale) -> None:
    """Set the locale. Raises ImagerError if the C library of the system does not have it."""
    root, name = Root(Path(request.system)), request.name
    if _has_musl(root):
        # What ssh brings from the user's own machine stays.
        write(root, _PROFILE, f"# By Claylinux, from the key `locale`.\nexport LANG=${{LANG:-{name}}}\n", request.epoch)
        return
    if name not in PLAIN_LOCALES and not _has(root, name):
        raise ImagerError(f"locale: the system has no locale {name}: {_hint(root, name)}")
    write(root, "/etc/locale.conf", f"LANG={name}\n", request.epoch)
    make_link(root, "/etc/default/locale", "../locale.conf", epoch=request.epoch)


def _has_musl(root: Root) -> bool:
    return any(each.startswith("ld-musl-") for each in root.names("lib"))


def _has(root: Root, name: str) -> bool:
    """Return whether the locale is a directory of its own, or in the archive of all, as locale(1) writes it."""
    short = name.replace(".UTF-8", ".utf8")
    if any(root.status(f"{_LOCALES}/{each}") for each in (name, short)):
        return True
    return b"\0%b\0" % short.encode() in root.head(f"{_LOCALES}/locale-archive", _NAMES_OF_ARCHIVE)


def _hint(root: Root, name: str) -> str:
    sources, wanted = root.names("usr/share/i18n/locales"), name.replace(".UTF-8", "")
    if not sources:
        return "add its package to `packages` (locales on Debian, glibc-langpack-LANGUAGE elsewhere)"
    if wanted in sources:
        return "the package locales came too late: move it from `run` to `packages`"
    near = get_close_matches(wanted, [each for each in sources if "_" in each], n=1)
    language, at, variant = near[0].partition("@") if near else ("", "", "")
    return f"did you mean {language}.UTF-8{at}{variant}?" if near else "the names are those of /usr/share/i18n/locales"
