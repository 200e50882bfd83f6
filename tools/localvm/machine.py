"""A virtual machine as a value, and its QEMU command line. Pure: this module starts nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

BUSES = {
    "virtio": ("virtio-blk-pci,drive={id}",),
    "sata": ("ide-hd,drive={id},bus=ide.{n}",),
    "nvme": ("nvme,drive={id},serial=claylinux{n}",),
    "nvme-4k": ("nvme,drive={id},serial=claylinux{n},logical_block_size=4096,physical_block_size=4096",),
    "scsi": ("virtio-scsi-pci,id=scsi{n}", "scsi-hd,drive={id},bus=scsi{n}.0"),
    "usb": ("qemu-xhci,id=xhci{n}", "usb-storage,drive={id},bus=xhci{n}.0,removable=on"),
    "cdrom": ("ide-cd,drive={id},bus=ide.{n}",),
    "scsi-cdrom": ("virtio-scsi-pci,id=scsi{n}", "scsi-cd,drive={id},bus=scsi{n}.0"),
}
"""The devices that connect a drive to a machine, in order. Only q35 has sata and cdrom."""


TCG_CPU = "max,cx16=off,la57=off"
"""QEMU 7.2 corrupts the flags of cmpxchg16b, which kernels from 6.12 on use to allocate memory, so they panic randomly.
Five-level page tables only cost time in emulation."""

ARM_TCG_CPU = "cortex-a57"
"""`max` signs pointers, which takes half of the time in emulation."""

TCG_PROCESSORS = 1
"""With two processors, one can run into code that the kernel on the other is changing (static keys; KFENCE does so
every 0.1 s). About one system in a hundred died with `Oops: int3`."""


# A kernel that starts counts the ticks of its timer. An emulated machine that does not get the host's processor for a
# moment has too few: `8254 timer not connected`, or the panic `IO-APIC + timer doesn't work`. The word `no_timer_check`
# on the kernel command line of a guest spares it that (docs/internals/tests.md has figures).


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """An image as a drive. Without `keep` the image never changes: a temporary file takes the changes.

    `rate`: the bytes that it reads in a second, 0 for as many as it can.
    `log` is a file for every write and flush, in their order: `keep` is needed, and the format is raw.
    """

    path: Path
    bus: str = "virtio"
    format: str = "raw"
    keep: bool = False
    rate: int = 0
    log: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine to run. `kernel` is a UKI (with `firmware`), or a plain kernel with `initrd` and `append`.

    With `network` the guest gets an address by DHCP. It reaches everything that the host reaches, and the host's
    loopback interface as 10.0.2.2; if it is `restricted`, it reaches nothing. `forwards` are (host port, guest port),
    and the host listens on the address `listen`. `kvm` says that KVM works. `processors` 0 means a safe number.
    `architecture` is amd64, or arm64, which is always emulated. `variables` are those of firmware with keys for Secure
    Boot: it verifies what it starts. Without them it starts everything. `oem_strings` are those of SMBIOS, and `blobs`
    (name, text) those of fw_cfg: what the owner of a hypervisor can tell a guest. `tpm` is the socket of swtpm.
    With `reboots`, a guest that reboots starts again; else the machine ends. `watchdog` is one that resets it.
    """

    drives: tuple[Drive, ...] = ()
    kernel: Path | None = None
    initrd: Path | None = None
    append: str = ""
    firmware: bool = True
    memory_mib: int = 1024
    processors: int = 0
    network: bool = False
    restricted: bool = False
    forwards: tuple[tuple[int, int], ...] = ()
    listen: str = "127.0.0.1"
    kvm: bool = False
    architecture: str = "amd64"
    variables: Path | None = None
    oem_strings: tuple[str, ...] = ()
    blobs: tuple[tuple[str, str], ...] = ()
    tpm: Path | None = None
    reboots: bool = False
    watchdog: bool = False


@dataclass(frozen=True, slots=True)
class Firmware:
    """UEFI firmware: the code, and the template for its variables."""

    code: Path
    variables: Path


def command_line(machine: Machine, firmware: Firmware | None) -> tuple[str, ...]:
    """Return the QEMU command: serial console on stdio, no display, and an exit at power-off."""
    words = [*_board(machine), "-m", str(machine.memory_mib)]
    words += ["-nodefaults", "-display", "none", *(() if machine.reboots else ("-no-reboot",)), "-serial", "stdio"]
    # Early boot needs entropy; without a source, ssh-keygen and systemd may wait for minutes.
    words += ["-device", "virtio-rng-pci"]
    if machine.watchdog:
        words += ["-device", "i6300esb"]
    if machine.firmware and firmware is not None:
        words += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={_value(firmware.code)}"]
        words += ["-drive", f"if=pflash,unit=1,format=raw,snapshot=on,file={_value(firmware.variables)}"]
    if machine.kernel is not None:
        words += ["-kernel", str(machine.kernel)]
    if machine.initrd is not None:
        words += ["-initrd", str(machine.initrd)]
    if machine.append:
        words += ["-append", machine.append]
    for number, drive in enumerate(machine.drives):
        words += _drive(number, drive)
    return (*words, *_told(machine), *_network(machine))


def _told(machine: Machine) -> list[str]:
    """Return what the machine tells its firmware and the guest, and where it keeps secrets."""
    words = []
    for text in machine.oem_strings:
        words += ["-smbios", f"type=11,value={text.replace(',', ',,')}"]
    for name, text in machine.blobs:
        words += ["-fw_cfg", f"name={name},string={text.replace(',', ',,')}"]
    if machine.tpm is not None:
        words += ["-chardev", f"socket,id=tpm,path={_value(machine.tpm)}"]
        words += ["-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm"]
    return words


def _board(machine: Machine) -> list[str]:
    """Return the program, the board, and what runs its instructions."""
    if machine.architecture == "arm64":
        processors = machine.processors or 1
        return [
            "qemu-system-aarch64",
            "-machine",
            "virt",
            "-accel",
            "tcg",
            "-cpu",
            ARM_TCG_CPU,
            "-smp",
            str(processors),
        ]
    accelerator = ("-accel", "kvm", "-cpu", "host") if machine.kvm else ("-accel", "tcg", "-cpu", TCG_CPU)
    processors = machine.processors or (2 if machine.kvm else TCG_PROCESSORS)
    words = ["qemu-system-x86_64", "-machine", "q35", *accelerator, "-smp", str(processors)]
    if machine.variables is not None:
        words[2] += ",smm=on"
        # Only the firmware itself, in system management mode, may write its variables; it cannot do so after a sleep.
        words += ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1"]
    return words


def _drive(number: int, drive: Drive) -> list[str]:
    cdrom = drive.bus.endswith("cdrom")
    media = ",media=cdrom,readonly=on" if cdrom else "" if drive.keep else ",snapshot=on"
    media += f",throttling.bps-read={drive.rate}" if drive.rate else ""
    image = f"format={drive.format},file={_value(drive.path)}{media}"
    if drive.log is not None:
        image = f"driver=blklogwrites,log-sector-size=512,log.driver=file,log.filename={_value(drive.log)}"
        image += f",file.driver=file,file.filename={_value(drive.path)}"
    words = ["-drive", f"if=none,id=drive{number},{image}"]
    for device in BUSES[drive.bus]:
        words += ["-device", device.format(id=f"drive{number}", n=number)]
    return words


def _value(path: Path) -> str:
    """Return a path, quoted for QEMU's `key=value,key=value` lists."""
    return str(path).replace(",", ",,")


def _network(machine: Machine) -> list[str]:
    if not machine.network:
        return ["-net", "none"]
    restricted = ",restrict=on" if machine.restricted else ""
    forwards = "".join(f",hostfwd=tcp:{machine.listen}:{host}-:{guest}" for host, guest in machine.forwards)
    return ["-netdev", f"user,id=net0{restricted}{forwards}", "-device", "virtio-net-pci,netdev=net0"]
