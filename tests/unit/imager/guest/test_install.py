"""`claylinux install`: what it copies from which medium, what it refuses, and that a power cut harms nothing."""

from __future__ import annotations

import hashlib
import random
import shutil
from pathlib import Path

import pytest

from imager.disk import iso, raw
from imager.requests.outputs import Iso, Raw
from tests.support.guest_programs import ESP, GUEST, MIB, SHELLS, Guest, sfdisk
from tests.support.imager import EPOCH, make_pe
from tests.support.installed import check, guid, insert, install, machine, output_of
from tests.support.updates import add_index, make_layout, make_pair
from tests.support.vm import require_tool

# Each asks sfdisk many times.
pytestmark = pytest.mark.slow

DATA = "start=2048, type=linux, name=DATA"
OPENED = f"""
. {GUEST}/update/index.sh
open_medium() {{ MTOOLS_SKIP_CHECK=1 mcopy -s -i "$medium@@1M" ::EFI ::claylinux "$1"; }}
attach_medium() {{ open_medium "$1"; }}
detach_medium() {{ :; }}
"""
"""A file of a FAT is not mounted, but unpacked."""
one_shell = pytest.mark.parametrize("guest", ["dash"], indirect=True)
"""For what does not depend on the shell."""


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with an image and an ISO of one system."""
    place = tmp_path_factory.mktemp("media")
    program = place / "clay.efi"
    program.write_bytes(make_pe() + random.Random(0).randbytes(17 * MIB + 7))
    raw.run(Raw(uki=str(program), output=str(place / "raw"), architecture="amd64", epoch=EPOCH, label="CLAY"))
    iso.run(Iso(uki=str(program), output=str(place / "iso"), architecture="amd64", epoch=EPOCH, label="CLAY"))
    return place


@pytest.fixture(params=SHELLS)
def guest(request: pytest.FixtureRequest, tmp_path: Path, media: Path) -> Guest:
    """Return a machine that booted from the image on the disk `sda`."""
    require_tool("flock", "cmp")
    return machine(tmp_path / "guest", request.param, media / "raw")


def has_system(guest: Guest, disk: Path) -> bool:
    return [row[3] for row in guest.partitions(disk.name)] == [raw.PARTITION_NAME]


def test_the_empty_disk_gets_the_partition_and_a_table_of_its_own(guest: Guest, media: Path) -> None:
    disk = guest.disk("vda", 64)
    code, said = install(guest, "--yes")
    assert code == 0, said
    assert "Copied 100 % of" in said
    assert "Checked 100 % of" in said
    assert f"{disk} has the system: remove the medium, and reboot" in said
    check(disk, media / "raw")
    assert guest.partitions("vda") == [["1", "1", str((media / "raw").stat().st_size // MIB - 2), raw.PARTITION_NAME]]
    assert (guest.place / "dev/sda").read_bytes() == (media / "raw").read_bytes()
    assert not [*(guest.root / "run").glob("*.??????")]
    # And then it is a disk like any other.
    code, said = install(guest, "--yes")
    assert (code, said) == (
        1, "claylinux: no disk is empty, unused and has 21 MiB: name one, with --wipe if what it holds may be lost\n"
    )  # fmt: skip


@pytest.mark.parametrize("name", ["sr0", "sdb"])
def test_an_iso_is_a_medium_as_a_cd_and_as_a_stick(guest: Guest, media: Path, name: str) -> None:
    (guest.place / "dev/sda").unlink()
    insert(guest, name, media / "iso")
    guest.booted_from("" if name == "sr0" else guid(media / "iso"))
    disk = guest.disk("vda", 64)
    code, said = install(guest, "--yes")
    assert code == 0, said
    check(disk, media / "iso")


def test_a_file_is_made(guest: Guest, media: Path) -> None:
    file = guest.place / "a b.img"
    code, said = install(guest, f'--yes --to "{file}"')
    assert code == 0, said
    assert file.stat().st_size == (media / "raw").stat().st_size
    check(file, media / "raw")
    code, said = install(guest, f'--yes --to "{file}"')
    assert (code, "is not empty: it holds this system" in said) == (1, True)
    assert install(guest, f'--yes --to "{file}" --wipe')[0] == 0


def test_from_a_file(guest: Guest, media: Path) -> None:
    guest.booted_from("")
    disk = guest.disk("vda", 64)
    code, said = install(guest, "--yes")
    assert (code, said) == (
        1, "claylinux: a medium from which the machine booted is on no disk: after a boot over the network, name an "
        "image of this system with --from\n"
    )  # fmt: skip
    assert install(guest, f"--yes --from {media}/iso")[0] == 0
    check(disk, media / "iso")


def test_a_person_is_asked(guest: Guest, media: Path) -> None:
    disk = guest.disk("vda", 64)
    guest.disk("vdb", 90, f"label: gpt\n{DATA}")
    (guest.place / "sys/block/vdb/device").mkdir()
    (guest.place / "sys/block/vdb/device/model").write_text("ACME 3000      \n")
    (guest.place / "sys/block/vdb/serial").write_text("S-1\n")
    code, said = install(guest, "", answers=r"\nno\n")
    rows = [line.split(maxsplit=3) for line in said.splitlines()]
    assert ["/dev/vda", "64", "MiB", "nothing"] in rows
    assert ["/dev/vdb", "90", "MiB", "ACME 3000            S-1                  DATA"] in rows
    assert any(row[:3] == ["/dev/sda", "21", "MiB"] and row[3] == "the medium with this system" for row in rows)
    assert (code, said.endswith("nothing was written\n")) == (1, True)
    assert disk.read_bytes().strip(b"\0") == b""
    code, said = install(guest, "", answers=r"/dev/vda\nyes\n")
    assert (code, "which has 64 MiB and holds nothing" in said) == (0, True)
    check(disk, media / "raw")


@one_shell
@pytest.mark.parametrize(
    ("words", "prepare", "told"),
    [
        ("--yes", "vdb", "several disks fit, so none was taken: DEV/vda DEV/vdb"),
        ("--yes /dev/vdc", "", "there is no disk /dev/vdc, apart from the medium"),
        ("--yes /dev/sda", "", "there is no disk /dev/sda, apart from the medium"),
        ("--yes serial=7", "", "there is no disk serial=7"),
        ("--yes vda", "", 'which disk is "vda"? Write /dev/..., serial=... or wwid=...'),
        ("--yes /dev/vda", "table", "DEV/vda is not empty: it holds DATA. If that may be lost: --wipe"),
        ("--yes", "table", "no disk is empty, unused and has 21 MiB"),
        ("--yes /dev/vda", "content", "it holds something without a partition table"),
        ("--yes /dev/vda", "middle", "DEV/vda is not empty"),
        ("--yes /dev/vda --wipe", "small", "DEV/vda is too small: it has 20 MiB, and 21 MiB are needed"),
        ("--yes /dev/vda --wipe", "mounted", "DEV/vda is in use: /dev/vda1 is mounted on /srv"),
        ("--yes /dev/vda --wipe", "swap", "DEV/vda is in use: /dev/vda is swap space"),
        ("--yes /dev/vda --wipe", "holder", "DEV/vda is in use: /dev/vda is part of dm-0"),
        ("--yes /dev/vda --wipe", "4k", "DEV/vda has sectors of 4096 bytes"),
        ("--yes /dev/vda", "read-only", "there is no disk /dev/vda"),
        ("--yes --to DEV/vda", "read-only", "DEV/vda is read-only"),
        ("--yes --to DEV/sda", "", "DEV/sda is the medium with this system"),
        ("--yes --to DEV", "", "DEV is a directory: name a file in it"),
        ("--yes --to DEV/no/file", "", "DEV/no/file cannot be made"),
        ("--yes --from DEV/none", "", "there is no DEV/none"),
        ("--yes --from DEV/vda", "", "DEV/vda is no medium of Claylinux"),
        ("--yes", "no source", "from which the machine booted, is on no disk"),
        ("--yes", "two sources", "from which the machine booted, is on several: DEV/sda DEV/sdb"),
        ("--yes", "no file system", "the EFI partition of DEV/sda has no file system, or cannot be read"),
        ("--yes /dev/vda /dev/vdb", "", "usage: claylinux install"),
        ("--yes /dev/vda --to x", "", "usage: claylinux install"),
        ("--yse", "", "usage: claylinux install"),
        ("--to", "", "usage: claylinux install"),
    ],
)  # fmt: skip
def test_a_refusal_comes_before_anything_is_written(
    guest: Guest, media: Path, words: str, prepare: str, told: str
) -> None:
    dev = guest.place / "dev"
    disk = guest.disk("vda", 20 if prepare == "small" else 64)
    facts = guest.place / "sys/block/vda"
    match prepare:
        case "vdb":
            guest.disk("vdb", 64)
        case "table":
            sfdisk(disk, f"label: gpt\n{DATA}")
        case "content" | "middle":
            with disk.open("r+b") as file:
                file.seek(4096 if prepare == "content" else MIB + 1024)
                file.write(b"something")
        case "mounted":
            (facts / "vda1").mkdir()
            (guest.place / "proc/mounts").write_text("/dev/vda1 /srv ext4 rw 0 0\n")
        case "swap":
            (guest.place / "proc/swaps").write_text("Filename Type\n/dev/vda partition\n")
        case "holder":
            (facts / "holders").mkdir()
            (facts / "holders/dm-0").touch()
        case "4k":
            (facts / "queue").mkdir()
            (facts / "queue/logical_block_size").write_text("4096\n")
        case "read-only":
            (facts / "ro").write_text("1\n")
        case "no source":
            (dev / "sda").unlink()
        case "two sources":
            insert(guest, "sdb", media / "raw")
        case "no file system":
            with (dev / "sda").open("r+b") as file:
                file.seek(MIB + 510)
                file.write(b"\0\0")
        case _:
            pass
    before = digests(dev)
    code, said = install(guest, words.replace("DEV", str(dev)))
    assert told.replace("DEV", str(dev)) in said
    assert code == (2 if told.startswith("usage") else 1)
    assert digests(dev) == before


def digests(directory: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in directory.iterdir()}


@one_shell
def test_what_a_disk_had_is_gone_where_the_state_will_be(guest: Guest, media: Path) -> None:
    disk = guest.disk("vda", 90)
    disk.write_bytes(b"old" * (30 * MIB))
    assert install(guest, "/dev/vda --yes --wipe")[0] == 0
    assert "No problems found" in output_of("sgdisk", "-v", disk)
    made = guest.run(
        "make_filesystem() { :; }\nwait_for_disks() { boot=$guid; }\nstate_partition",
        guid=guid(disk),
        state_disk="boot",
    )
    assert made.strip() == f"{disk}2", guest.said


@one_shell
@pytest.mark.parametrize("step", ["copy_part", "put", "flush"])
def test_a_disk_that_forgets_gets_no_table(guest: Guest, step: str) -> None:
    disk = guest.disk("vda", 64)
    code, said = install(guest, "--yes", before=f"{step}() {{ :; }}")
    if step == "flush":
        assert code == 0
    else:
        assert (code, "has failed, and can be run again" in said) == (1, True)
        assert guest.partitions(disk.name) == []


@one_shell
def test_layers_on_the_disk_keep_their_guid(guest: Guest, media: Path, tmp_path: Path) -> None:
    """With `rootfs: {source: disk}`, the system finds them by it."""
    medium, known = tmp_path / "medium", "D21A7E50-89AB-5CDE-8F01-23456789ABCD"
    shutil.copyfile(media / "raw", medium)
    size = medium.stat().st_size
    content = random.Random(2).randbytes(3 * MIB)
    with medium.open("r+b") as file:
        file.truncate(size + 3 * MIB)
    row = f"start={size // 512 - 2048}, size={3 * 2048}, type=linux, uuid={known}, name=LAYERS"
    sfdisk(medium, row, "--append")
    with medium.open("r+b") as file:
        file.seek(size - MIB)
        file.write(content)
    disk = guest.disk("vda", 64)
    code, said = install(guest, f"--yes --from {medium}")
    assert code == 0, said
    check(disk, medium)
    assert guest.partitions("vda")[1:] == [["2", str(size // MIB - 1), "3", "LAYERS"]]
    assert output_of("sfdisk", "--part-uuid", disk, "2").strip() == known
    assert disk.read_bytes()[size - MIB : size + 2 * MIB] == content


@one_shell
@pytest.mark.parametrize("kind", ["raw", "iso"])
def test_a_disk_with_room_for_updates(guest: Guest, tmp_path: Path, kind: str) -> None:
    """An ISO has no partition for them: its index says how large that of a raw image is."""
    require_tool("openssl", "mkfs.vfat")
    uki = str(add_index(make_layout(tmp_path / "layout", segment=b"s" * MIB), make_pair(tmp_path), space=70 * MIB))
    medium = tmp_path / kind
    if kind == "raw":
        raw.run(Raw(uki=uki, output=str(medium), architecture="amd64", epoch=EPOCH, label="CLAY"))
    else:
        iso.run(Iso(uki=uki, output=str(medium), architecture="amd64", epoch=EPOCH, label="CLAY"))
    disk = guest.disk("vda", 120)
    guest.settings |= {"update_name": "web", "ours": str(tmp_path / "layout/made")}
    words = f"--yes --from {medium}"
    code, said = install(guest, words, before=OPENED)
    assert code == 0, said
    check(disk, medium)
    (esp, updates) = guest.partitions("vda")
    assert updates == ["2", str(1 + int(esp[2])), "70", "UPDATES"]
    part = tmp_path / "updates"
    with disk.open("rb") as file:
        file.seek(int(updates[1]) * MIB)
        part.write_bytes(file.read(70 * MIB))
    output_of("fsck.fat", "-n", part)
    assert output_of("blkid", "-o", "value", "-s", "LABEL", "-p", part) == "UPDATES\n"


@one_shell
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("rm esp/claylinux/*.sig", "its index is not signed by a key of this system"),
        ("sed -i 's/^size /size 1/' esp/claylinux/*.pieces", "its index is not signed by a key of this system"),
        ("rm esp/claylinux/*.pieces", "it has not one index"),
        ("printf x >>esp/EFI/Linux/web_1.4.0.efi", "its program is not that of its index"),
        ("update_name=other", "it has the system web"),
    ],
)
def test_a_medium_that_is_damaged(guest: Guest, tmp_path: Path, change: str, told: str) -> None:
    require_tool("openssl", "mcopy")
    uki = str(add_index(make_layout(tmp_path / "layout", segment=b"s" * MIB), make_pair(tmp_path), space=70 * MIB))
    raw.run(Raw(uki=uki, output=str(tmp_path / "raw"), architecture="amd64", epoch=EPOCH, label="CLAY"))
    disk = guest.disk("vda", 120)
    guest.settings |= {"update_name": "web", "ours": str(tmp_path / "layout/made")}
    damaged = f'attach_medium() {{ open_medium "$1"; cd "$1/.."; {change}; }}'
    code, said = install(guest, f"--yes --from {tmp_path}/raw", before=f"{OPENED}\n{damaged}")
    assert (code, told in said) == (1, True), said
    assert disk.read_bytes().strip(b"\0") == b""


@one_shell
def test_two_at_a_time(guest: Guest) -> None:
    guest.disk("vda", 64)
    lock = 'exec 7>"$root/run/claylinux-install.lock"; flock -n 7'
    assert install(guest, "--yes", before=lock) == (1, "claylinux: another installation is running\n")


@one_shell
@pytest.mark.parametrize("options", ["", "--wipe"])
def test_a_power_cut_at_any_moment(guest: Guest, media: Path, options: str) -> None:
    """The same command can be run again, and until all is written the disk has no partition."""
    chance = random.Random(options)
    cuts = 0
    for number in range(8):
        disk = guest.disk(f"vd{chr(97 + number)}", 64)
        if options:
            sfdisk(disk, f"label: gpt\n{ESP}\n{DATA.replace('2048', '60000')}")
        words = f"/dev/{disk.name} --yes {options}"
        for _ in range(2):
            guest.cut(f"install_command {words}", chance.uniform(0, 1.6))
        if not has_system(guest, disk):
            cuts += 1
            # A process that was ended holds its lock until the disk has taken what it wrote.
            code, said = install(guest, words, before="flock 9 9>$root/run/claylinux-install.lock")
            assert code == 0, said
        check(disk, media / "raw")
        disk.unlink()
    assert cuts > 0


@one_shell
def test_each_state_of_an_installation_can_be_continued(guest: Guest, media: Path) -> None:
    """The power fails after each single write."""
    counted = 'put() { count=$((${count:-0} + 1)); [ $count -lt $cut ] || kill -9 $$; old_put "$@"; }'
    renamed = f"eval \"old_$(sed -n '/^put() /,/^}}/p' {Path(raw.__file__).parents[1]}/guest/copying.sh)\""
    for cut in range(1, 8):
        disk = guest.disk("vda", 64)
        guest.cut(f"{renamed}\ncut={cut}\n{counted}\ninstall_command --yes", 60)
        assert guest.partitions("vda") == [] or guest.run(f'is_unfinished "{disk}" && echo yes') == "yes\n", cut
        code, said = install(guest, "--yes")
        assert code == 0, (cut, said)
        check(disk, media / "raw")
        disk.unlink()


@one_shell
@pytest.mark.parametrize(
    ("line", "auto", "told"),
    [
        ("quiet", "no", ""),
        ("quiet", "yes", "vda has the system"),
        ("claylinux.install=off", "yes", ""),
        ("a claylinux.install=auto -- b", "no", "vda has the system"),
        ("claylinux.install=serial=S-1", "no", "vda has the system"),
        ("claylinux.install=/dev/vdz", "no", "there is no disk /dev/vdz"),
    ],
)
def test_unattended(guest: Guest, line: str, auto: str, told: str) -> None:
    guest.disk("vda", 64)
    (guest.place / "sys/block/vda/serial").write_text("S-1\n")
    (guest.place / "proc/cmdline").write_text(f"{line}\n")
    (guest.place / "sys/class/tty/console").mkdir(parents=True)
    (guest.place / "sys/class/tty/console/active").write_text("tty0 ttyS0\n")
    quick = "wait_for_disk() { :; }; sleep() { :; }; reboot() { echo reboots; }; subject=install"
    guest.settings["install_auto"] = auto
    code, said = install(guest, "--auto", before=quick)
    assert (code, said) == (1 if "no disk" in told else 0, "reboots\n" if "has the system" in told else "")
    assert told in guest.log
    assert bool(told) == bool(guest.log)
    for console in ("tty0", "ttyS0"):  # the system may have told the kernel to show nothing
        shown = guest.place / "dev" / console
        assert told in (shown.read_text() if shown.exists() else "")
    assert all(line.partition(">")[2].startswith("claylinux: install: ") for line in guest.log.splitlines())
    assert not guest.said


def test_a_disk_that_was_installed_installs_nothing(guest: Guest) -> None:
    """It has the same image, which says `auto`."""
    guest.disk("vda", 64)
    assert install(guest, "--yes")[0] == 0
    guest.booted_from(guid(guest.place / "dev/vda"))
    disk = guest.disk("vdb", 64)
    guest.settings["install_auto"] = "yes"
    assert install(guest, "--auto", before="wait_for_disk() { :; }") == (0, "")
    assert disk.read_bytes().strip(b"\0") == b""
    # By hand it copies itself.
    assert install(guest, "--yes")[0] == 0
    check(disk, guest.place / "dev/sda")
