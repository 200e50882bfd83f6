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
//nas/y /y cifs credentials=/etc/y 0 0
LABEL=REMOTE /r ext4 _netdev 0 0
tank/data /data zfs defaults 0 0
share /host virtiofs defaults 0 0
/srv/www /var/www none bind 0 0
tmpfs /srv/cache tmpfs size=1M 0 0
/srv/swap.img none swap sw 0 0
UUID=6-6 /usr ext4 defaults 0 1
UUID=7-7 /late ext4 x-systemd.automount 0 0
/var/lib/a /var/a none bind 0 0
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
    disk = "nofail,x-systemd.device-timeout=10,x-systemd.before=local-fs.target"
    automatic = "nofail,x-systemd.automount,x-systemd.mount-timeout=10"
    assert (base / "etc/fstab").read_text().splitlines() == [
        "# /etc/fstab",
        "# Claylinux: the system is in memory: LABEL=cloudimg-rootfs\t/\text4\tdefaults,discard\t0 1",
        "# Claylinux: the system is in memory: LABEL=UEFI /boot/efi vfat umask=0077 0 1",
        "UUID=1-1\tnone\tswap\tsw,nofail,x-systemd.device-timeout=10\t0\t0",
        "# Claylinux: the system is in memory: /swap.img none swap",
        f"UUID=2-2\t/srv\text4\tdefaults,{disk}\t0\t2",
        "UUID=3-3 /opt ext4 nofail 0 2",
        f"nas:/x\t/x\tnfs\tdefaults,{automatic}\t0\t0",
        f"//nas/y\t/y\tcifs\tcredentials=/etc/y,{automatic}\t0\t0",
        f"LABEL=REMOTE\t/r\text4\t_netdev,{automatic}\t0\t0",
        f"tank/data\t/data\tzfs\tdefaults,{disk}\t0\t0",
        f"share\t/host\tvirtiofs\tdefaults,{disk}\t0\t0",
        f"/srv/www\t/var/www\tnone\tbind,{disk}\t0\t0",
        f"tmpfs\t/srv/cache\ttmpfs\tsize=1M,{disk}\t0\t0",
        "/srv/swap.img\tnone\tswap\tsw,nofail,x-systemd.device-timeout=10\t0\t0",
        "# Claylinux: the system is in memory: UUID=6-6 /usr ext4 defaults 0 1",
        *FSTAB.splitlines()[16:],
    ]
    assert (base / "etc/crypttab").read_text().splitlines() == [
        "# name device key",
        "data\tUUID=4-4\tnone\tnofail,x-systemd.device-timeout=10",
        "swap\t/dev/vda3\t/dev/urandom\tswap,nofail,x-systemd.device-timeout=10",
        "raw\t/dev/vda4\tnone\tnofail,x-systemd.device-timeout=10",
        "late UUID=5-5 none noauto",
    ]
    assert (base / "etc/crypttab").stat().st_mode & 0o777 == 0o600


def test_busybox_gets_only_words_that_it_knows(base: Path) -> None:
    (base / "sbin").mkdir()
    (base / "sbin/openrc-run").touch()
    disk_entries.run(DiskEntries(system=str(base), epoch=EPOCH))
    lines = (base / "etc/fstab").read_text().splitlines()
    # A disk that is not there is not checked either: OpenRC ends the boot for that.
    assert lines[5] == "UUID=2-2\t/srv\text4\tdefaults,nofail\t0\t0"
    assert lines[7] == "nas:/x\t/x\tnfs\tdefaults,nofail\t0\t0"


def test_openrc_checks_no_disk_that_may_be_missing(tmp_path: Path) -> None:
    """Whatever the base says of it; busybox's fsck does not know `nofail`."""
    add(tmp_path, "sbin/openrc-run")
    add(tmp_path, "etc/fstab", "LABEL=a /a ext4 nofail 0 2\n/dev/cdrom /b iso9660 noauto,ro 0 0\nUUID=3 /c xfs\n")
    disk_entries.run(DiskEntries(system=str(tmp_path), epoch=EPOCH))
    assert (tmp_path / "etc/fstab").read_text().splitlines() == [
        "LABEL=a\t/a\text4\tnofail\t0\t0",
        "/dev/cdrom /b iso9660 noauto,ro 0 0",
        "UUID=3\t/c\txfs\tnofail",
    ]


def test_a_system_without_such_entries_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    disk_entries.run(DiskEntries(system=str(tmp_path), epoch=EPOCH))
    assert list((tmp_path / "etc").iterdir()) == []
    (tmp_path / "etc/fstab").write_text("tmpfs /a tmpfs defaults 0 0\n# no end")
    before = (tmp_path / "etc/fstab").stat()
    disk_entries.run(DiskEntries(system=str(tmp_path), epoch=EPOCH))
    assert (tmp_path / "etc/fstab").stat() == before


def add(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_everything_is_told(base: Path) -> None:
    for path in (
        "etc/default/grub",
        "boot/loader/entries/a.conf",
        "etc/initramfs-tools/scripts/local-top/acme",
        "etc/cloud/cloud.cfg",
        "etc/zfs/zpool.cache",
    ):
        add(base, path)
    add(base, "etc/initramfs-tools/conf.d/resume", "RESUME=UUID=1-1\n")
    add(base, "etc/initramfs-tools/initramfs.conf", "# RESUME=UUID=1-1\nRESUME=none\n")
    add(base, "etc/mdadm/mdadm.conf", "MAILADDR root\nARRAY /dev/md0 UUID=1:1\n")
    add(base, "etc/conf.d/dmcrypt", "#target=x\n")
    assert leftovers.find(Root(base), Root(base)) == {
        "disarmed": [
            "/ on LABEL=cloudimg-rootfs (/etc/fstab)",
            "/boot/efi on LABEL=UEFI (/etc/fstab)",
            "swap on UUID=1-1 (/etc/fstab)",
            "swap on /swap.img (/etc/fstab)",
            "/srv on UUID=2-2 (/etc/fstab)",
            "/x on nas:/x (/etc/fstab)",
            "/y on //nas/y (/etc/fstab)",
            "/r on LABEL=REMOTE (/etc/fstab)",
            "/data on tank/data (/etc/fstab)",
            "/host on share (/etc/fstab)",
            "/var/www on /srv/www (/etc/fstab)",
            "/srv/cache on tmpfs (/etc/fstab)",
            "swap on /srv/swap.img (/etc/fstab)",
            "/usr on UUID=6-6 (/etc/fstab)",
            "data on UUID=4-4 (/etc/crypttab)",
            "swap on /dev/vda3 (/etc/crypttab)",
            "raw on /dev/vda4 (/etc/crypttab)",
            "late on UUID=5-5 (/etc/crypttab)",
        ],
        "waits": [
            "the settings of a cloud, for cloud-init (an empty /etc/cloud/cloud-init.disabled in `files` stops it)",
        ],
        "unused": [
            "a boot loader (/etc/default/grub, /boot/loader/entries; kernel parameters go to `kernel: {cmdline: ...}`)",
            "a disk to resume from (/etc/initramfs-tools/conf.d/resume)",
            "hooks of an initramfs (/etc/initramfs-tools/scripts)",
            "disks that are put together (/etc/mdadm/mdadm.conf, /etc/zfs/zpool.cache)",
        ],
    }


def test_units_that_stand_for_lines_of_fstab_are_told(tmp_path: Path) -> None:
    units = "etc/systemd/system"
    add(tmp_path, f"{units}/srv.mount", "[Mount]\nWhat=/dev/disk/by-label/DATA\nWhere=/srv\n")
    add(tmp_path, f"{units}/var-x.mount", "[Mount]\nWhat=LABEL=X\nWhere=/var/x\n")
    add(tmp_path, f"{units}/var-y.mount", "[Mount]\nWhat=tmpfs\nWhere=/var/y\nType=tmpfs\n")
    add(tmp_path, f"{units}/default.target", "[Unit]\nRequires=local-fs.target\n")
    add(tmp_path, f"{units}/local-fs.target", "[Unit]\n")
    for name in ("srv.mount", "var-y.mount"):
        add(tmp_path, f"{units}/local-fs.target.requires/{name}")
    assert leftovers.find(Root(tmp_path), Root(tmp_path))["waits"] == [
        "/dev/disk/by-label/DATA (/etc/systemd/system/srv.mount)"
    ]


def test_network_cards_of_another_machine_are_told(tmp_path: Path) -> None:
    network = "etc/systemd/network/10-lan.network"
    add(
        tmp_path,
        "etc/netplan/50-cloud-init.yaml",
        'ethernets:\n  a:\n    match: \n      macaddress: "52:54:00:12:34:56"\n',
    )
    add(tmp_path, network, "[Match]\nPermanentMACAddress=52:54:00:AB:CD:EF\n[Network]\nDHCP=yes\n")
    add(tmp_path, "etc/systemd/network/20-all.network", "[Match]\nName=en*\n")
    assert leftovers.find(Root(tmp_path), Root(tmp_path))["waits"] == [
        "the network card 52:54:00:12:34:56 (/etc/netplan/50-cloud-init.yaml)",
        f"the network card 52:54:00:AB:CD:EF (/{network})",
    ]


def test_hooks_of_packages_are_not_told(tmp_path: Path) -> None:
    add(tmp_path, "etc/mkinitfs/features.d/base.modules")
    add(tmp_path, "lib/apk/db/installed", "P:mkinitfs\nF:etc/mkinitfs/features.d\nR:base.modules\n")
    assert leftovers.find(Root(tmp_path), Root(tmp_path))["unused"] == []
    add(tmp_path, "etc/mkinitfs/features.d/acme.modules")
    assert leftovers.find(Root(tmp_path), Root(tmp_path))["unused"] == [
        "hooks of an initramfs (/etc/mkinitfs/features.d)"
    ]


LOADERS = """\
/etc/default/grub /etc/default/grub.d/50-cloud.cfg /boot/grub/grub.cfg /boot/grub2/grub.cfg /etc/kernel/cmdline
/boot/loader/entries/a.conf /boot/extlinux/extlinux.conf /boot/extlinux.conf /boot/syslinux/syslinux.cfg
/etc/update-extlinux.conf /etc/lilo.conf /etc/default/u-boot /boot/cmdline.txt /boot/firmware/cmdline.txt"""
HOOKS = """\
/etc/initramfs-tools/hooks/a /etc/initramfs-tools/scripts/local-top/b /etc/dracut.conf.d/c.conf
/etc/mkinitfs/features.d/d.modules"""
ARRAYS = {
    "/etc/mdadm/mdadm.conf": "ARRAY /dev/md0 UUID=1:1\n",
    "/etc/mdadm.conf": "ARRAY /dev/md1 UUID=1:1\n",
    "/etc/conf.d/dmcrypt": "swap=swap\n",
    "/etc/zfs/zpool.cache": "x",
    "/etc/lvm/backup/vg": "x",
    "/etc/lvm/devices/system.devices": "x",
}
CARDS = {
    "/etc/netplan/a.yaml": "macaddress: '52:54:00:00:00:01'\n",
    "/etc/systemd/network/a.link": "[Match]\nMACAddress=52:54:00:00:00:02\n",
    "/etc/NetworkManager/system-connections/a": "mac-address=52:54:00:00:00:03\n",
    "/etc/systemd/network/10-claylinux-lan.network": "[Match]\nMACAddress=52:54:00:00:00:04\n",
}


def test_every_place_is_looked_at(tmp_path: Path) -> None:
    for path in (*LOADERS.split(), *HOOKS.split()):
        add(tmp_path, path[1:])
    for path, text in {**ARRAYS, **CARDS}.items():
        add(tmp_path, path[1:], text)
    for name in ("conf.d/a", "initramfs.conf"):
        add(tmp_path, f"etc/initramfs-tools/{name}", " RESUME=/dev/vda2\n")
    loaders = LOADERS.replace("/50-cloud.cfg", "").replace("/a.conf", "").split()
    hooks = [path.rpartition("/")[0].replace("/local-top", "") for path in HOOKS.split()]
    arrays = [path.replace("/vg", "") for path in ARRAYS]
    assert leftovers.find(Root(tmp_path), Root(tmp_path)) == {
        "disarmed": [],
        "unused": [
            f"a boot loader ({', '.join(loaders)}; kernel parameters go to `kernel: {{cmdline: ...}}`)",
            "a disk to resume from (/etc/initramfs-tools/conf.d/a)",
            "a disk to resume from (/etc/initramfs-tools/initramfs.conf)",
            *(f"hooks of an initramfs ({hook})" for hook in hooks),
            f"disks that are put together ({', '.join(arrays)})",
        ],
        "waits": [
            f"the network card 52:54:00:00:00:0{number} ({path})" for number, path in enumerate(list(CARDS)[:3], 1)
        ],
    }
