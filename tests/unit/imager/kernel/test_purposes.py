"""Sets of modules by purpose, and the modules that a machine asks for."""

from __future__ import annotations

import typing
from typing import TYPE_CHECKING

import pytest

import spec.kernel
from imager.core.errors import ImagerError
from imager.kernel import machines, moddep, module_filter, purposes
from imager.rootfs.root import Root
from spec.presets import PRESETS

if TYPE_CHECKING:
    from pathlib import Path


def words(text: str) -> list[str]:
    return text.split()


BOOTS = words("""
fs/ext4/ext4 fs/btrfs/btrfs fs/xfs/xfs fs/fat/vfat fs/isofs/isofs fs/nls/nls_utf8 fs/nls/nls_cp437 fs/overlayfs/overlay
fs/squashfs/squashfs fs/erofs/erofs fs/fuse/fuse fs/nfs/nfs fs/smb/client/cifs fs/9p/9p fs/efivarfs/efivarfs
fs/binfmt_misc fs/autofs/autofs4 crypto/crc32c_generic crypto/xts arch/x86/crypto/aesni-intel lib/zstd/zstd_compress
net/ipv6/ipv6 net/bridge/bridge net/bridge/br_netfilter net/netfilter/nf_tables net/netfilter/nf_nat
net/netfilter/xt_conntrack net/netfilter/ipset/ip_set_hash_ip net/ipv4/netfilter/iptable_nat net/ipv4/tcp_bbr
net/sched/sch_fq net/8021q/8021q net/vmw_vsock/vsock drivers/net/veth drivers/net/tun drivers/net/dummy
drivers/net/wireguard/wireguard drivers/net/vxlan/vxlan drivers/net/macvlan drivers/net/bonding/bonding
drivers/block/loop drivers/block/zram/zram drivers/block/nbd drivers/md/dm-mod drivers/md/dm-crypt drivers/md/dm-verity
drivers/md/raid1 drivers/vhost/vhost_net drivers/firmware/efi/efi-pstore block/bfq
""")
"""Software that headless machines load, much of it by names that no dependency knows."""
GUEST = words("""
drivers/net/virtio_net drivers/block/virtio_blk drivers/scsi/virtio_scsi drivers/virtio/virtio_balloon
drivers/char/hw_random/virtio-rng drivers/firmware/qemu_fw_cfg drivers/ata/ahci drivers/ata/ata_piix
drivers/nvme/host/nvme drivers/scsi/sd_mod drivers/scsi/sr_mod drivers/usb/host/xhci-pci drivers/usb/storage/usb-storage
drivers/usb/storage/uas drivers/hid/usbhid/usbhid drivers/hid/hid-generic drivers/net/ethernet/intel/e1000/e1000
drivers/net/ethernet/intel/e1000e/e1000e drivers/net/xen-netfront drivers/block/xen-blkfront drivers/hv/hv_vmbus
drivers/net/hyperv/hv_netvsc drivers/scsi/hv_storvsc drivers/net/vmxnet3/vmxnet3 drivers/scsi/vmw_pvscsi
drivers/net/ethernet/amazon/ena/ena drivers/net/ethernet/google/gve/gve drivers/input/evdev
""")
METAL = words("""
drivers/net/ethernet/intel/igb/igb drivers/net/ethernet/intel/ice/ice drivers/net/ethernet/broadcom/tg3
drivers/net/ethernet/realtek/r8169 drivers/net/ethernet/mellanox/mlx5/core/mlx5_core drivers/scsi/megaraid/megaraid_sas
drivers/scsi/mpt3sas/mpt3sas drivers/scsi/lpfc/lpfc drivers/char/ipmi/ipmi_si drivers/hwmon/coretemp
drivers/watchdog/iTCO_wdt drivers/usb/serial/ftdi_sio drivers/usb/serial/usbserial drivers/edac/skx_edac
arch/x86/kvm/kvm-intel
""")
PEOPLE = words("""
sound/core/snd drivers/gpu/drm/i915/i915 drivers/media/usb/uvc/uvcvideo drivers/net/wireless/intel/iwlwifi/iwlwifi
net/mac80211/mac80211 net/bluetooth/bluetooth drivers/input/mouse/psmouse drivers/hid/hid-logitech-dj
drivers/platform/x86/thinkpad_acpi
""")
NOBODY = words("""
drivers/ata/pata_via drivers/net/ethernet/3com/3c59x drivers/staging/vt6656/vt6656_stage drivers/iio/accel/bma180
drivers/mtd/nand/raw/nand fs/reiserfs/reiserfs net/ax25/ax25 drivers/comedi/comedi
""")


def kernel() -> moddep.Modules:
    paths = (*BOOTS, *dict.fromkeys((*GUEST, *METAL)), *PEOPLE, *NOBODY)
    return moddep.parse("".join(f"kernel/{path}.ko.xz:\n" for path in paths))


def names(*groups: list[str]) -> set[str]:
    return {moddep.to_name(path) for group in groups for path in group}


@pytest.mark.parametrize(
    ("purpose", "kept", "gone"),
    [
        ("server", names(BOOTS, GUEST, METAL), names(PEOPLE, NOBODY)),
        ("virtual", names(BOOTS, GUEST) | {"psmouse"}, names(METAL, PEOPLE, NOBODY)),
        ("desktop", names(BOOTS, GUEST, METAL, PEOPLE), names(NOBODY)),
        ("all", names(BOOTS, GUEST, METAL, PEOPLE, NOBODY), set()),
    ],
)
def test_each_set_has_what_its_machines_load(purpose: str, kept: set[str], gone: set[str]) -> None:
    found = purposes.PURPOSES[purpose].choose(kernel())
    shared = {"igb", "psmouse", "mlx5_core", "megaraid_sas", "iTCO_wdt"} if purpose == "virtual" else set()
    assert kept - found == set()
    assert found & gone == shared, "virtual machines have these: passed through, or emulated by QEMU"


def test_the_language_has_these_sets() -> None:
    hint = typing.get_type_hints(spec.kernel.Purpose)["purpose"]
    assert set(typing.get_args(hint)) == set(purposes.PURPOSES)
    assert {row.purpose for row in PRESETS.values()} <= set(purposes.PURPOSES)


def test_patterns_choose_from_a_set_and_add_to_it() -> None:
    modules = kernel()
    some = purposes.PURPOSES["server"].choose(modules)
    found = module_filter.choose(modules, ["iwlwifi"], ["drivers/usb/serial/"], ["snd"], some)
    assert found.keep == (some | {"iwlwifi", "snd"}) - {"ftdi_sio", "usbserial"}


ALIASES = """\
alias pci:v00008086d00001539sv*sd*bc*sc*i* igb
alias pci:v0000[89]086d*sv*sd*bc03sc00i* other
alias usb:v*p*d*dc*dsc*dp*ic08isc06ip50in* usb_storage
alias fs-ext4 ext4
alias cpu:type:x86,ven*fam*mod*:feature:*0081* kvm_intel
alias short
"""


@pytest.fixture
def system(tmp_path: Path) -> Root:
    directory = tmp_path / "system/usr/lib/modules/6.1"
    directory.mkdir(parents=True)
    (directory / "modules.alias").write_text(ALIASES)
    return Root(tmp_path / "system")


def asked(tmp_path: Path, text: str) -> tuple[str, ...]:
    (tmp_path / "0").write_text(text)
    return machines.load(str(tmp_path / "0"))


def test_a_machine_gets_the_drivers_that_it_asks_for(system: Root, tmp_path: Path) -> None:
    modules = moddep.parse("igb.ko:\nother.ko:\nusb-storage.ko:\next4.ko:\nkvm-intel.ko: kvm.ko\nkvm.ko:\nsnd.ko:\n")
    text = """\
# made on the machine

 pci:v00008086d00001539sv00001043sd000085F0bc02sc00i00
usb:v0781p5581d0100dc00dsc00dp00ic08isc06ip50in00
cpu:type:x86,ven0000fam0006mod008E:feature:,0000,0081,
acpi:PNP0C0C:
fs-ext4
kvm-intel
not_there
"""
    found = machines.drivers(system, "6.1", modules, asked(tmp_path, text))
    assert found == {"igb", "usb_storage", "kvm_intel", "kvm"}
    one = "pci:v00009086d00001539sv00001043sd000085F0bc03sc00i00\npci:v00008086d00001538sv1sd1bc02sc00i00\n"
    assert machines.drivers(system, "6.1", modules, asked(tmp_path, one)) == {"other"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the file about the machine is empty"),
        ("# nothing\n\n", "the file about the machine is empty"),
        ("igb\nUSB controller\n", "line 2 of the file about the machine: expected a modalias, .* got 'USB controller'"),
        ("\x1b[1m\n", r"line 1 .* got '\\\\x1b\[1m'"),
        ("x" * 2_000_000, "has 2,000,000 bytes"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ImagerError, match=complaint):
        asked(tmp_path, text)
