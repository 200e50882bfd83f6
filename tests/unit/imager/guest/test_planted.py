"""What somebody with the disk plants on the partition that stays: nothing outside of it is read, written or mounted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.guest_programs import SHELLS, Guest

pytestmark = pytest.mark.slow

APP = "/var/lib/app"
BOOT = """
mount() { echo "$PWD"; }
make_key() { [ -s "$root/etc/ssh/ssh_host_a_key" ] || echo key >"$root/etc/ssh/ssh_host_a_key"; }
sweep; make_key; keep_words; keep_paths
"""
MOUNTED = 'mount() { rmdir "$4" && ln -s "$3" "$4"; }; umount() { rm "$1" && mkdir "$1"; }\n'
OURS = (
    "base.list",
    "base.list.new",
    "base.list.news",
    "base.list.now",
    "machine-id",
    "machine-id.first",
    "machine-id.new",
    "news.list",
    "new",
    "paths.new",
    "seen.list",
    "seen.list.new",
    "taken",
    "ssh-host-keys",
)
KEYS = ("ssh-host-keys/ssh_host_a_key", "ssh-host-keys/ssh_host_a_key.new")
Plant = Callable[[Path, Path], None]


def link(place: Path, elsewhere: Path) -> None:
    place.symlink_to(elsewhere)


def link_to_a_file(place: Path, elsewhere: Path) -> None:
    place.symlink_to(elsewhere / "passwd")


def relative_link(place: Path, elsewhere: Path) -> None:
    place.symlink_to(os.path.relpath(elsewhere, place.parent))


def link_to_nothing(place: Path, elsewhere: Path) -> None:
    place.symlink_to(elsewhere / "none")


def pipe(place: Path, elsewhere: Path) -> None:
    os.mkfifo(place)


def directory(place: Path, elsewhere: Path) -> None:
    shutil.copytree(elsewhere, place)


def device(place: Path, elsewhere: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make devices")
    os.mknod(place, 0o20666, os.makedev(1, 5))  # /dev/zero, which has no end


def without_end(place: Path, elsewhere: Path) -> None:
    with place.open("wb") as file:
        file.truncate(1 << 40)


def plants(first: Plant, *others: Plant) -> list[Any]:
    """Return the values of a parameter; fewer runs try all of them."""
    return [first, *(pytest.param(each, marks=pytest.mark.slow) for each in others)]


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path) -> Guest:
    """A machine with the first version of an image, after its first boot."""
    made = Guest(tmp_path / "guest", request.param, {"persist_words": "machine-id ssh-host-keys"})
    (made.root / "etc/ssh").mkdir(parents=True)
    (made.root / "etc/machine-id").write_text("")
    (made.root / "run").mkdir()
    elsewhere = made.root / "elsewhere"
    for place in (elsewhere, elsewhere / "app", elsewhere / "lib/app", elsewhere / "var/lib/app"):
        (place / "conf").mkdir(parents=True)
        for name in ("a", "conf/a", "gone", "passwd"):
            (place / name).write_text("1")
    start(made, "1")
    return made


def start(guest: Guest, version: str) -> list[str]:
    """Boot with a version of the image, and return the directories that were mounted."""
    image = guest.root / APP[1:]
    shutil.rmtree(image, ignore_errors=True)
    (image / "conf").mkdir(parents=True)
    names = ["a", "conf/a", "gone"] if version == "1" else ["a", "conf/a", "conf/added"]
    for name in names:
        (image / name).write_text(version)
    write_lists(guest)
    (guest.root / "etc/machine-id").write_text("")
    (guest.root / "etc/ssh/ssh_host_a_key").unlink(missing_ok=True)
    return guest.run(BOOT).splitlines()


def write_lists(guest: Guest) -> None:
    script = """cd "$root" && find var/lib/app | while read -r path; do
      if [ -d "$path" ]; then says="d -"; else says="f $(sha256sum <"$path" | cut -c 1-64)"; fi
      echo "$says $(stat -c %a:%u:%g "$path") /$path"
    done"""
    (guest.place / "lists/image.list").write_text(guest.run(script))
    (guest.place / "lists/persist.list").write_text(f"{APP}\n")


def outside(guest: Guest) -> dict[str, tuple[int, str]]:
    """Return what is outside of the partition, but for what a boot writes there."""
    found = {}
    for place in sorted(guest.root.rglob("*")):
        name = str(place.relative_to(guest.root))
        if not name.startswith(("state", "etc/machine-id", "etc/ssh/", "var/")) and not place.is_dir():
            found[name] = (place.lstat().st_mode, place.read_text())
    return found


def replace(place: Path, plant: Plant, elsewhere: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    place.parent.mkdir(exist_ok=True)
    plant(place, elsewhere)


@pytest.mark.parametrize("names", [OURS, KEYS])
@pytest.mark.parametrize("plant", plants(link, link_to_a_file, link_to_nothing, pipe, directory, device, without_end))
def test_in_the_place_of_ours(guest: Guest, names: tuple[str, ...], plant: Plant) -> None:
    """It is removed, and the boot goes on: the identity may be a new one."""
    before = outside(guest)
    for name in names:
        replace(guest.root / "state/.claylinux" / name, plant, guest.root / "elsewhere")
    assert start(guest, "2") == [str(guest.root / "state/persist/var/lib/app")]
    assert outside(guest) == before
    assert guest.said == ""
    assert len((guest.root / "etc/machine-id").read_text()) == 33
    assert (guest.root / "etc/ssh/ssh_host_a_key").read_text() == "key\n"
    assert (guest.root / "state/persist/var/lib/app/conf/added").read_text() == "2"


@pytest.mark.parametrize("plant", plants(link, relative_link, link_to_a_file, pipe, device))
def test_ours_itself(guest: Guest, plant: Plant) -> None:
    before = outside(guest)
    replace(guest.root / "state/.claylinux", plant, guest.root / "elsewhere")
    start(guest, "2")
    assert outside(guest) == before
    assert guest.said == ""
    assert (guest.root / "state/.claylinux").is_dir() and not (guest.root / "state/.claylinux").is_symlink()


@pytest.mark.parametrize("name", ["persist", "persist/var", "persist/var/lib", "persist/var/lib/app"])
@pytest.mark.parametrize("plant", plants(link, relative_link, link_to_a_file, link_to_nothing, pipe, device))
def test_on_the_way_to_a_directory(guest: Guest, name: str, plant: Plant) -> None:
    """It is not followed and not removed: the system uses the directory of the image, and says so."""
    before = outside(guest)
    replace(guest.root / "state" / name, plant, guest.root / "elsewhere")
    assert start(guest, "2") == []
    assert outside(guest) == before
    assert guest.said == f"/state/{name} is no directory, so it was not followed, and {APP} does not stay\n"
    assert guest.run(f"{MOUNTED}take {APP}/a 2>/dev/null; echo $?") == "1\n"
    assert outside(guest) == before
    assert (guest.root / APP[1:] / "a").read_text() == "2"
    guest.run("differences")


@pytest.mark.parametrize("plant", plants(link, relative_link, link_to_nothing, pipe, device))
def test_in_a_directory_that_stays(guest: Guest, plant: Plant) -> None:
    """As a directory of the image, and as a file: it is the machine's own, and no file of the image goes through it."""
    before = outside(guest)
    kept = guest.root / "state/persist/var/lib/app"
    for name in ("conf", "a", "gone"):
        replace(kept / name, plant, guest.root / "elsewhere")
    assert start(guest, "2") == [str(kept)]
    assert outside(guest) == before
    assert guest.said == ""
    assert f"newer {APP}/a" in guest.run("differences").splitlines()
    assert guest.run(f"{MOUNTED}take {APP}/conf/a; echo $?") == "1\n"
    assert guest.run(f"{MOUNTED}take {APP}/a; echo $?") == "0\n"
    assert outside(guest) == before
    assert (kept / "a").read_text() == "2" and not (kept / "a").is_symlink()


def test_a_link_where_a_file_is_written_first(guest: Guest) -> None:
    before = outside(guest)
    kept = guest.root / "state/persist/var/lib/app"
    for name in ("a.claylinux", "a.new", "conf/added", "conf/a.claylinux"):
        (kept / name).symlink_to(guest.root / "elsewhere/passwd")
    start(guest, "2")
    assert guest.run(f"{MOUNTED}take {APP}/conf/added; echo $?") == "0\n"
    assert outside(guest) == before
    assert (kept / "a").read_text() == (kept / "conf/added").read_text() == "2"


@pytest.mark.parametrize(
    "path",
    [
        "/../../elsewhere/passwd",
        f"{APP}/../../../../../elsewhere/passwd",
        f"{APP}/conf/../../../../../../elsewhere/passwd",
        pytest.param(f"{APP}//a", marks=pytest.mark.slow),
        pytest.param("/elsewhere/passwd", marks=pytest.mark.slow),
        pytest.param("elsewhere/passwd", marks=pytest.mark.slow),
        pytest.param(f"{APP}/a\r", marks=pytest.mark.slow),
        pytest.param("", marks=pytest.mark.slow),
    ],
)
def test_a_list_that_names_other_files(guest: Guest, path: str) -> None:
    """A file that the image no longer has is removed if nobody changed it: not those."""
    before = outside(guest)
    one = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
    own = guest.root / "state/.claylinux"
    for rights in ("644:0:0", "-", ""):
        with (own / "base.list").open("a") as file:
            file.write(f"f {one} {rights} {path}\n" * 3)
    (guest.root / "state/persist/elsewhere").mkdir()
    (guest.root / "state/persist/elsewhere/passwd").write_text("1")
    start(guest, "2")
    assert outside(guest) == before
    assert (guest.root / "state/persist/elsewhere/passwd").read_text() == "1"
    assert (guest.root / "state/persist/var/lib/app/a").read_text() == "2"


def test_an_id_with_something_behind_it(guest: Guest) -> None:
    own = guest.root / "state/.claylinux"
    (own / "machine-id").write_text("f" * 32 + "\nmore\n")
    start(guest, "1")
    assert len((guest.root / "etc/machine-id").read_text()) == 33
