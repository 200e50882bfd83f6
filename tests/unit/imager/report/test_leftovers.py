"""What a system made for a disk has left, and what becomes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.customize import disk_entries
from imager.report import leftovers
from imager.requests.mounts import DiskEntries
from imager.rootfs.root import Root
from tests.support.imager import EPOCH

FSTAB = """\
# /etc/fstab
LABEL=cloudimg-rootfs\t/\text4\tdefaults,discard\t0 1
LABEL=UEFI /boot/efi vfat umask=0077 0 1
UUID=1-1 none swap sw 0 0
/swap.img none swap
UUID=2-2 /srv ext4 defaults 0 2
UUID=3-3 /opt ext4 nofail 0 2
nas:/x /x nfs defaults 0 0
tmpfs /tmp tmpfs defaults 0 0
/dev/cdrom /media/cdrom iso9660 noauto 0 0
"""
CRYPTTAB = """\
# name device key
data UUID=4-4
swap /dev/vda3 /dev/urandom swap
raw /dev/vda4 none
late UUID=5-5 none noauto
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/fstab").write_text(FSTAB)
    (tmp_path / "etc/crypttab").write_text(CRYPTTAB)
    (tmp_path / "etc/crypttab").chmod(0o600)
    return tmp_path


def test_entries_of_the_disk_do_not_stop_the_boot(base: Path) -> None:
    disk_entries.run(DiskEntries(system=str(base), epoch=EPOCH))
    assert (base / "etc/fstab").read_text().splitlines() == [
        "# /etc/fstab",
        "# Claylinux: the system is in memory: LABEL=cloudimg-rootfs\t/\text4\tdefaults,discard\t0 1",
        "# Claylinux: the system is in memory: LABEL=UEFI /boot/efi vfat umask=0077 0 1",
        "UUID=1-1\tnone\tswap\tsw,nofail,x-systemd.device-timeout=10\t0\t0",
        "/swap.img\tnone\tswap\tnofail,x-systemd.device-timeout=10",
        *FSTAB.splitlines()[5:],
    ]
    assert (base / "etc/crypttab").read_text().splitlines() == [
        "# name device key",
        "data\tUUID=4-4\tnone\tnofail,x-systemd.device-timeout=10",
        "swap\t/dev/vda3\t/dev/urandom\tswap,nofail,x-systemd.device-timeout=10",
        "raw\t/dev/vda4\tnone\tnofail,x-systemd.device-timeout=10",
        "late UUID=5-5 none noauto",
    ]
    assert (base / "etc/crypttab").stat().st_mode & 0o777 == 0o600


def test_a_system_without_such_entries_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    disk_entries.run(DiskEntries(system=str(tmp_path), epoch=EPOCH))
    assert list((tmp_path / "etc").iterdir()) == []
    (tmp_path / "etc/fstab").write_text("tmpfs /a tmpfs defaults 0 0\n# no end")
    before = (tmp_path / "etc/fstab").stat()
    disk_entries.run(DiskEntries(system=str(tmp_path), epoch=EPOCH))
    assert (tmp_path / "etc/fstab").stat() == before


def test_everything_is_told(base: Path) -> None:
    for path in ("etc/default/grub", "etc/initramfs-tools/scripts/local-top/acme", "etc/cloud/cloud.cfg"):
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).touch()
    assert leftovers.find(Root(base), Root(base)) == {
        "disarmed": [
            "/ on LABEL=cloudimg-rootfs (/etc/fstab)",
            "/boot/efi on LABEL=UEFI (/etc/fstab)",
            "swap on UUID=1-1 (/etc/fstab)",
            "swap on /swap.img (/etc/fstab)",
            "data on UUID=4-4 (/etc/crypttab)",
            "swap on /dev/vda3 (/etc/crypttab)",
            "raw on /dev/vda4 (/etc/crypttab)",
            "late on UUID=5-5 (/etc/crypttab)",
        ],
        "waits": [
            "/srv on UUID=2-2 (/etc/fstab)",
            "the settings of a cloud, for cloud-init (an empty /etc/cloud/cloud-init.disabled in `files` stops it)",
        ],
        "unused": [
            "GRUB (kernel parameters go to `kernel: {cmdline: ...}`)",
            "hooks of an initramfs (/etc/initramfs-tools/scripts)",
        ],
    }


def test_what_the_build_file_replaced_is_not_told(base: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    system = tmp_path_factory.mktemp("system")
    (system / "etc").mkdir()
    (system / "etc/fstab").write_text("UUID=2-2 /srv ext4 nofail 0 2\n")
    assert leftovers.find(Root(base), Root(system))["waits"] == []
