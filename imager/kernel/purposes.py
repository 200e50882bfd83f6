"""Sets of kernel modules by the purpose of a machine. Data: `module_filter` has the rules of the patterns.

A set leaves out drivers of hardware, and protocols that need such hardware. It keeps common software as a whole: file
systems, filters, ciphers, tunnels. The kernel loads much of that by names that no list of dependencies knows
(`request_module`), such as `crypto-crc32c`, `nls_utf8` or `ip_set_hash:ip`, and it is small.

Sets for real machines name what they leave out, because that is known: what a later kernel brings stays. The one for
virtual machines names the devices that it keeps, because these are few. Measured in docs/internals/size.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imager.kernel.module_filter import matching

if TYPE_CHECKING:
    from imager.kernel.moddep import Modules


@dataclass(frozen=True)
class Purpose:
    """A set of modules: those that `only` matches (empty: all) and `without` does not, and those that `but` matches."""

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    but: tuple[str, ...] = ()

    def choose(self, modules: Modules) -> frozenset[str]:
        """Return the names of the modules of a kernel that are in the set, without what they need."""
        some = self._matching(modules, self.only) if self.only else frozenset(modules.paths)
        return some - self._matching(modules, self.without) | self._matching(modules, self.but)

    @staticmethod
    def _matching(modules: Modules, patterns: tuple[str, ...]) -> frozenset[str]:
        return frozenset().union(*(matching(modules, pattern) for pattern in patterns))


def _below(directory: str, names: str) -> tuple[str, ...]:
    """Return patterns for each of `names` in a directory: with `/` for a directory, else of modules."""
    return tuple(f"/{directory}/{name}" for name in names.split())


_OLD = (
    *_below("drivers", "isdn/ parport/ pcmcia/ */pcmcia/ input/gameport/ tty/ipwireless/ tty/serial/jsm/ char/mwave/"),
    *_below("drivers/ata", "pata_* sata_mv sata_nv sata_promise sata_q* sata_sil* sata_sis sata_svw sata_sx4 sata_u*"),
    *_below("drivers/ata", "sata_v* acard-ahci pdc_adma"),
    *_below("drivers/block", "floppy aoe/ mtip32xx/"),
    *_below("drivers/char", "lp ppdev applicom tlclk"),
    *_below("drivers/tty", "mxser moxa nozomi"),
    *("*_cs", "i2c-parport", "parkbd", "pps_parport", "fjes", "pmcraid"),
    *_below("drivers/net", "arcnet/ fddi/ hamradio/ hippi/ plip/ slip/ wan/"),
    *_below(
        "drivers/net/ethernet", "3com/ 8390/ adaptec/ agere/ alteon/ amd/pcnet32 amd/amd8111e atheros/atlx/ brocade/"
    ),
    *_below("drivers/net/ethernet", "broadcom/b44 chelsio/cxgb/ chelsio/cxgb3/ dec/ dlink/ intel/e100 jme marvell/sk*"),
    *_below("drivers/net/ethernet", "micrel/ myricom/ natsemi/ neterion/ nvidia/ packetengines/ qlogic/netxen/ rdc/"),
    *_below(
        "drivers/net/ethernet", "qlogic/qla3xxx qlogic/qlcnic/ sfc/falcon/ sfc/siena/ silan/ sis/ smsc/ sun/ tehuti/"
    ),
    *_below("drivers/net/ethernet", "ti/ via/ xircom/"),
    *_below(
        "drivers/scsi", "3w-* BusLogic a100u2w advansys aic7xxx/ aic94xx/ am53c974 arcmsr/ atp870u bfa/ dc395x dmx3191d"
    ),
    *_below(
        "drivers/scsi", "esas2r/ esp_scsi hptiop initio ips mvsas/ mvumi qla1280 qla4xxx/ stex sym53c8xx_2/ wd719x"
    ),
    *_below("drivers/scsi/megaraid", "megaraid_mbox megaraid_mm"),
    *_below("drivers/infiniband/hw", "mthca/ ocrdma/ qib/"),
    *_below("net", "appletalk/ ax25/ dccp/ lapb/ netrom/ phonet/ rose/"),
    *_below(
        "fs", "adfs/ affs/ befs/ bfs/ coda/ efs/ freevxfs/ hpfs/ jfs/ minix/ omfs/ qnx4/ qnx6/ reiserfs/ romfs/ sysv/"
    ),
    *_below("fs", "ufs/"),
)
"""Of times before UEFI, without which Claylinux starts on no machine: ISA, PCMCIA, parallel ATA and SCSI."""
_BOARDS = (
    *_below("drivers", "comedi/ gnss/ iio/ memstick/ mtd/ slimbus/ staging/ w1/ atm/ net/can/ net/ieee802154/"),
    *_below("drivers", "usb/atm/ usb/gadget/ hwtracing/ bcma/ ssb/ platform/x86/x86-android-tablets/"),
    *_below("fs", "jffs2/ ubifs/"),
    *_below("net", "6lowpan/ atm/ can/ ieee802154/ mac802154/"),
)
"""Parts of boards, measuring instruments and vehicles: sensors, converters, raw flash, the device side of USB."""
_PEOPLE = (
    *_below("drivers", "accel/ accessibility/ bluetooth/ firewire/ gpu/ hid/ leds/ media/ nfc/ soundwire/ video/"),
    *_below("drivers", "extcon/ power/supply/ net/wireless/ net/wwan/ usb/image/ usb/misc/ usb/typec/ misc/lis3lv02d/"),
    *_below("drivers/input", "joystick/ misc/ mouse/ rmi4/ tablet/ touchscreen/"),
    *_below("drivers/platform", "chrome/ surface/ x86/"),
    *_below("net", "bluetooth/ mac80211/ nfc/ wireless/"),
    "/sound/",
)
"""Of a machine that people sit at or carry: screens, sound, cameras, radio, special keys."""
_SPECIAL = (
    *_below("fs", "afs/ bcachefs/ dlm/ ecryptfs/ f2fs/ gfs2/ hfs/ hfsplus/ nilfs2/ ocfs2/ orangefs/"),
    *_below("net", "batman-adv/ rds/ rxrpc/ smc/ tipc/ sunrpc/xprtrdma/"),
    *_below(
        "drivers", "android/ crypto/intel/qat/ hwmon/ infiniband/ misc/mei/ target/sbp/ thunderbolt/ net/thunderbolt/"
    ),
    *_below("drivers/md", "dm-vdo/ md-cluster"),
    *_below("drivers/scsi", "be2iscsi/ bnx2fc/ bnx2i/ csiostor/ cxgbi/ fcoe/ libfc/ fnic/ qedf/ qedi/ snic/"),
    *(
        "tcm_qla2xxx",
        "cxgbit",
        "nvme-rdma",
        "nvmet-rdma",
        "usnic_verbs",
        "cros_ec*",
        "rtc-wilco-ec",
        "wilco-ec",
        "cs42l43*",
        "regmap-sdw*",
    ),
    *_below("drivers/net/ethernet", "broadcom/bnx2 broadcom/cnic netronome/"),
    *_below(
        "drivers/net/usb",
        "cdc-phonet cdc_mbim cx82310_eth hso huawei_cdc_ncm ipheth kalmia lg-vl600 qmi_wwan sierra_net",
    ),
    *_below("drivers/usb", "host/sl811* serial/"),
    *("test_*", "*_test", "scsi_debug", "null_blk", "tcrypt"),
)
"""Of clusters, storage networks, tests and research: whoever has such knows its names."""
_HEADLESS = (
    *("hid", "hid-generic", "hid-hyperv", "usbhid", "wmi", "dcdbas", "dell-smbios", "intel_pmc_core"),
    *("coretemp", "k10temp", "fam15h_power", "drivetemp", "acpi_power_meter", "nct6775*", "jc42", "ipmi*"),
    *("usbserial", "ch341", "cp210x", "ftdi_sio", "pl2303", "option"),
)
"""What headless machines keep of these: keyboards, sensors of processors, disks and server boards, serial ports."""
_HOST = ("kvm*", "xen-*back", "/arch/x86/events/", "/drivers/block/mtip32xx/", "/drivers/vfio/")
"""What only a machine needs that has guests of its own."""
_SOFTWARE = (
    *("/arch/", "/block/", "/crypto/", "/fs/", "/lib/", "/mm/", "/net/", "/security/", "/virt/"),
    *_below("drivers", "block/ dax/ md/ target/ vdpa/ vhost/"),
    *_below("drivers/net", "bonding/ ipvlan/ ppp/ team/ vxlan/ wireguard/ dummy eql geneve gtp ifb macsec macvlan"),
    *_below("drivers/net", "macvtap net_failover netconsole nlmon tap tun veth vrf vsockmon"),
    *(
        "efi-pstore",
        "efivarfs",
        "failover",
        "iscsi_tcp",
        "libiscsi*",
        "scsi_transport_iscsi",
        "softdog",
        "uinput",
        "uhid",
    ),
)
"""What needs no device of its own."""
_GUEST = (
    *_below(
        "drivers", "acpi/ cdrom/ firmware/ hv/ nvdimm/ nvme/ ptp/ virt/ virtio/ xen/ usb/core/ usb/host/ usb/storage/"
    ),
    *_below(
        "drivers",
        "char/hw_random/ char/tpm/ crypto/virtio/ misc/vmw_vmci/ pci/controller/ input/keyboard/ input/serio/",
    ),
    *_below("drivers/net", "hyperv/ vmxnet3/ virtio_net xen-netfront"),
    *_below("drivers/net/ethernet", "amazon/ google/ microsoft/ mellanox/ realtek/8139* intel/e1000/ intel/e1000e/"),
    *_below("drivers/net/ethernet", "intel/iavf/ intel/igb/ intel/igbvf/ intel/ixgbevf/"),
    *_below("drivers/ata", "ahci ata_generic ata_piix"),
    *_below(
        "drivers/scsi", "hv_storvsc megaraid/megaraid_sas sd_mod sg sr_mod st virtio_scsi vmw_pvscsi xen-scsifront"
    ),
    *("mptfc", "mptsas", "mptspi", "sym53c8xx", "evdev", "psmouse", "i2c-piix4", "i2c-i801", "i6300esb", "iTCO_wdt"),
    *("hid", "hid-generic", "hid-hyperv", "usbhid", "pvpanic*", "vmw_balloon", "uio", "uio_hv_generic", "uas"),
)
"""Devices that QEMU, Xen, Hyper-V, VMware and clouds give to their guests."""
SOFTWARE = Purpose(only=_SOFTWARE, without=_OLD + _BOARDS + _PEOPLE + _SPECIAL)
"""What any machine has, whatever its devices are."""
PURPOSES = {
    "server": Purpose(without=_OLD + _BOARDS + _PEOPLE + _SPECIAL, but=_HEADLESS),
    "desktop": Purpose(without=_OLD + _BOARDS + _SPECIAL, but=_HEADLESS),
    "virtual": Purpose(only=_SOFTWARE, without=_OLD + _BOARDS + _PEOPLE + _SPECIAL + _HOST, but=_GUEST),
    "all": Purpose(),
}
"""The sets by name: the values of the key `kernel.for`."""
DISKS = Purpose(
    only=(
        *_below("drivers/ata", "ahci* ata_generic ata_piix"),
        *_below("drivers/block", "virtio_blk xen-blkfront"),
        *_below("drivers/mmc", "core/mmc_block host/sdhci-acpi host/sdhci-pci host/sdhci-iproc host/sdhci-of-*"),
        *_below("drivers/nvme/host", "nvme"),
        *_below("drivers/pci/controller", "pci-hyperv vmd"),
        *_below("drivers/scsi", "hv_storvsc sd_mod sr_mod virtio_scsi vmw_pvscsi xen-scsifront"),
        *_below("drivers/scsi", "aacraid/ hpsa megaraid/megaraid_sas mpi3mr/ mpt3sas/ smartpqi/"),
        *_below("drivers/usb/host", "ehci-pci ehci-platform ohci-pci uhci-hcd xhci-pci xhci-plat-hcd"),
        *_below("drivers/usb/storage", "uas usb-storage"),
        *_below("drivers/virtio", "virtio_mmio virtio_pci"),
        *("hv_vmbus", "mptsas", "mptspi"),
    )
)
"""Drivers of what UEFI firmware starts a system from: disks, sticks and CDs, and the buses that they hang on."""
