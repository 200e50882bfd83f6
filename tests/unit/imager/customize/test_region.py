"""Time zones and locales: only what the system has, under the names that its programs read."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.customize import locale, timezone
from imager.requests.region import Locale, TimeZone
from tests.support.imager import EPOCH

ZONES = ("Europe/Berlin", "America/Argentina/Buenos_Aires", "posix/Europe/Berlin", "Etc/UTC")


def add(system: Path, path: str, data: bytes = b"") -> None:
    (system / path).parent.mkdir(parents=True, exist_ok=True)
    (system / path).write_bytes(data)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    for zone in ZONES:
        add(tmp_path, f"usr/share/zoneinfo/{zone}", b"TZif2...")
    add(tmp_path, "usr/share/zoneinfo/tzdata", b"# no zone")
    return tmp_path


def set_zone(system: Path, zone: str) -> str | None:
    """Set a time zone, and return what /etc/localtime leads to."""
    timezone.run(TimeZone(system=str(system), zone=zone, epoch=EPOCH))
    assert (system / "etc/timezone").read_text() == f"{zone}\n"
    place = system / "etc/localtime"
    assert not place.is_symlink() or place.lstat().st_mtime == EPOCH
    return str(place.readlink()) if place.is_symlink() else None


def test_a_time_zone_of_the_system(system: Path) -> None:
    add(system, "etc/localtime", b"TZif2, a copy")
    assert set_zone(system, "Europe/Berlin") == "/usr/share/zoneinfo/Europe/Berlin"
    assert set_zone(system, "Etc/UTC") == "/usr/share/zoneinfo/Etc/UTC"


def test_utc_needs_no_data(system: Path) -> None:
    add(system, "etc/localtime", b"TZif2, of the base")
    assert set_zone(system, "UTC") is None
    assert not (system / "etc/localtime").exists()


@pytest.mark.parametrize(
    ("zone", "hint"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin?"),
        ("buenos_aires", "did you mean America/Argentina/Buenos_Aires?"),
        ("Europe", "did you mean Europe/Berlin?"),
        ("tzdata", "the names are those of /usr/share/zoneinfo; on Debian, old ones are in the package tzdata-legacy"),
    ],
)
def test_a_time_zone_that_the_system_lacks(system: Path, zone: str, hint: str) -> None:
    with pytest.raises(ImagerError) as caught:
        set_zone(system, zone)
    assert str(caught.value) == f"timezone: the system has no time zone {zone}: {hint}"
    assert not (system / "etc/localtime").is_symlink()


def test_no_time_zones_at_all(tmp_path: Path) -> None:
    with pytest.raises(ImagerError, match=r"no time zone Europe/Berlin: add tzdata to `packages`$"):
        set_zone(tmp_path, "Europe/Berlin")


def set_locale(system: Path, name: str) -> None:
    locale.run(Locale(system=str(system), name=name, epoch=EPOCH))


@pytest.mark.parametrize(
    ("name", "file", "data"),
    [
        ("C.UTF-8", "etc/locale.conf", b"LANG=en_US.UTF-8\n"),
        ("de_DE.UTF-8", "usr/lib/locale/de_DE.utf8/LC_TIME", b""),
        ("sr_RS.UTF-8@latin", "usr/lib/locale/locale-archive", b"\xde\x12\0de_DE.utf8\0sr_RS.utf8@latin\0"),
    ],
)
def test_a_locale_of_glibc(tmp_path: Path, name: str, file: str, data: bytes) -> None:
    add(tmp_path, file, data)
    set_locale(tmp_path, name)
    assert (tmp_path / "etc/locale.conf").read_text() == f"LANG={name}\n"
    assert str((tmp_path / "etc/default/locale").readlink()) == "../locale.conf"


@pytest.mark.parametrize(
    ("name", "sources", "hint"),
    [
        ("de_DE.UTF-8", (), r"add its package to `packages` \(locales on Debian, glibc-langpack-LANGUAGE elsewhere\)"),
        ("de_DE.UTF-8", ("de_DE",), "the package locales came too late: move it from `run` to `packages`"),
        ("de_DX.UTF-8", ("de_DE", "POSIX"), r"did you mean de_DE.UTF-8\?"),
        ("sr_RX.UTF-8@latin", ("sr_RS@latin",), r"did you mean sr_RS.UTF-8@latin\?"),
        ("qq_QQ.UTF-8", ("de_DE",), "the names are those of /usr/share/i18n/locales"),
    ],
)
def test_a_locale_that_glibc_lacks(tmp_path: Path, name: str, sources: tuple[str, ...], hint: str) -> None:
    for source in sources:
        add(tmp_path, f"usr/share/i18n/locales/{source}")
    # Part of a longer name is no name.
    add(tmp_path, "usr/lib/locale/locale-archive", f"\0{name.replace('.UTF-8', '.utf8')}@euro\0".encode())
    with pytest.raises(ImagerError, match=f"^locale: the system has no locale {name}: {hint}$"):
        set_locale(tmp_path, name)


def test_musl_takes_every_locale(tmp_path: Path) -> None:
    add(tmp_path, "lib/ld-musl-x86_64.so.1")
    set_locale(tmp_path, "de_DE.UTF-8")
    profile = (tmp_path / "etc/profile.d/10claylinux-locale.sh").read_text()
    assert profile == "# By Claylinux, from the key `locale`.\nexport LANG=${LANG:-de_DE.UTF-8}\n"
    assert not (tmp_path / "etc/locale.conf").exists()
