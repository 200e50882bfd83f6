"""What a Debian preset leaves out: dpkg's settings for later packages, and the same for what the image has."""

from __future__ import annotations

import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from frontend.distro.unread import leave_out

DOCS = (
    "doc/bash/README.gz",
    "doc/bash/examples/a",
    "info/bash.info.gz",
    "man/man1/bash.1.gz",
    "man/de/man1/bash.1.gz",
    "man/de_CH/man1/bash.1.gz",
    "lintian/overrides/bash",
    "bug/bash/presubj",
    "doc-base/bash",
    "gtk-doc/html/x/index.html",
)
TRANSLATED = ("locale/de/LC_MESSAGES/bash.mo", "locale/de_CH/LC_TIME/x.mo", "man/fr/man1/bash.1.gz",
              "locale/sr@latin/LC_MESSAGES/bash.mo")  # fmt: skip
STAYS = (
    "doc/bash/copyright",
    "doc/bash/nested/copyright",
    "locale/locale.alias",
    "locale/en_GB/LC_MESSAGES/bash.mo",
    "locale/en@quot/LC_MESSAGES/bash.mo",
    "common-licenses/GPL-3",
    "i18n/locales/de_DE",
    "zoneinfo/Europe/Berlin",
)
NAMES = ("20-OUI", "20-pci-vendor-model", "20-bluetooth-vendor-product", "20-acpi-vendor")
SETTINGS_OF_DEVICES = ("20-net-ifname", "20-pci-classes", "60-keyboard", "60-evdev", "70-mouse")


def left(tmp_path: Path, *, docs: bool, languages: tuple[str, ...]) -> tuple[set[str], str]:
    """Run the script on a tree; return what is left of its files, and the settings of dpkg."""
    share, settings = tmp_path / "usr/share", tmp_path / "etc/dpkg/dpkg.cfg.d"
    for name in (*DOCS, *TRANSLATED, *STAYS):
        (share / name).parent.mkdir(parents=True, exist_ok=True)
        (share / name).touch()
    # A licence that two packages share, and a whole directory of documentation.
    (share / "doc/bash-doc").symlink_to("bash")
    script = leave_out(docs=docs, languages=languages)
    own = script.replace("/usr/share", str(share)).replace("/etc/dpkg/dpkg.cfg.d", str(settings))
    subprocess.run(["/bin/sh", "-euc", own], check=True, timeout=10)
    files = {str(path.relative_to(share)) for path in share.rglob("*") if path.is_file()}
    text = (settings / "claylinux").read_text() if script else ""
    return files, text.replace(str(share), "/usr/share")


def as_dpkg(settings: str, path: str) -> bool:
    """Return whether dpkg unpacks a file: the last rule that matches decides."""
    stays = True
    for line in settings.splitlines():
        kind, _, pattern = line.partition("=")
        if fnmatchcase(path, pattern):
            stays = kind == "path-include"
    return stays


@pytest.mark.parametrize(
    ("docs", "languages", "also"),
    [
        (False, (), ()),
        (True, (), ("doc", "man/man1", "info", "lintian", "bug", "gtk-doc")),
        (False, ("de",), ("locale/de",)),
        (True, ("de",), ("doc", "man/man1", "man/de", "info", "lintian", "bug", "gtk-doc", "locale/de")),
        (False, ("all",), ("locale",)),
        (False, ("sr@latin",), ("locale/sr@latin",)),
    ],
)
def test_what_stays(tmp_path: Path, docs: bool, languages: tuple[str, ...], also: tuple[str, ...]) -> None:
    files, settings = left(tmp_path, docs=docs, languages=languages)
    everything = {*DOCS, *TRANSLATED, *STAYS}
    wanted = set(STAYS) | {name for name in everything if name.startswith(also)} if also else set(STAYS)
    assert {name for name in files if not name.startswith("doc/bash-doc")} == wanted
    assert {name for name in everything if as_dpkg(settings, f"/usr/share/{name}")} == wanted, "the same with dpkg"


def test_links_to_licences_stay(tmp_path: Path) -> None:
    left(tmp_path, docs=False, languages=())
    share = tmp_path / "usr/share"
    assert (share / "doc/bash-doc").is_symlink(), "dpkg keeps links in the place of directories, too"
    assert (share / "doc/bash-doc/copyright").exists()
    assert (share / "man/man1").is_dir(), "update-alternatives makes links there"


@pytest.mark.parametrize("docs", [False, True])
def test_names_of_devices_are_documentation(tmp_path: Path, docs: bool) -> None:
    """What changes how a device works stays, wherever the release has the files of udev."""
    _, settings = left(tmp_path, docs=docs, languages=())
    for directory in ("/usr/lib/udev/hwdb.d", "/lib/udev/hwdb.d"):
        assert {name for name in NAMES if as_dpkg(settings, f"{directory}/{name}.hwdb")} == set(NAMES if docs else ())
        assert all(as_dpkg(settings, f"{directory}/{name}.hwdb") for name in SETTINGS_OF_DEVICES)


def test_nothing_is_left_out_if_everything_is_wanted() -> None:
    assert leave_out(docs=True, languages=("all",)) == ""
