"""From the stages of a system to a unified kernel image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request


@dataclass(frozen=True, kw_only=True)
class Stage(Request):
    """Pack `system`, or what it changed in the stage `below`, as a cpio archive.

    `facts` is where to write what was packed, `lower` what was written for the stages below (see
    `imager.initramfs.segments`), the lowest first. `more`: other stages follow. `compression` is none, or a kind of
    `spec.compression`, with a level behind a colon if need be. `keep`: files that ship although each machine has its
    own (see `imager.rootfs.seal`). `exclude`: patterns of paths that do not ship (see `imager.rootfs.exclusion`).
    """

    system: str
    output: str
    compression: str = "zstd"
    epoch: int
    below: str = ""
    facts: str = ""
    lower: tuple[str, ...] = ()
    more: bool = False
    keep: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Initramfs(Stage):
    """Pack a stage, with our `init` in the lowest, for the kernel to unpack."""

    performed_by: ClassVar[str] = "initramfs.cpio_segment"
    init: str


@dataclass(frozen=True, kw_only=True)
class Layer(Stage):
    """Pack a stage as a read-only file system, the layer `number` from below, counted from 0.

    The archive's header is not in the file: see `imager.initramfs.layer_archive`. Not every kind of compression has
    levels here: see `imager.archive.compressors`. `verified`: for a disk, with hashes (see `imager.archive.verity`).
    """

    performed_by: ClassVar[str] = "initramfs.layers"
    number: int = 0
    verified: bool = False


@dataclass(frozen=True, kw_only=True)
class Uki(Request):
    """Lay out `stub`, the kernel of `system`, its microcode and the `initrd` files as one EFI program.

    `output` ends in .json and says which bytes go where (see `imager.uki.layout`); the `initrd` files stay where
    they are, and so do the other files unless the outputs are made in steps that do not have `system` (`detached`).
    `kernel_version` picks one of the kernels that `inspect` reports. `name` and `version` become IMAGE_ID and
    IMAGE_VERSION of the embedded os-release; without `os_release` there is none, and the firmware needs less memory
    (see `imager.memory`); boot managers list only programs that have one. With `layers`, the first so many of the
    `initrd` are such: our `init` and the modules that it needs go before them. `unpacked` is what the system takes
    in a tmpfs, in bytes, `lacks` what modules the kernel would have to have for layers, where that is why there are
    none. `on_disk`: the layers are in a partition beside the program. `copied`: init copies them from there to memory.
    `signer` is a file that says who will sign the program (see `secureboot.Check`): its command line is closed (see
    `imager.uki.cmdline`), and init accepts no other one. `pcr_key` is a file with a public key: the program has it,
    and room for its signatures of what will be measured.
    """

    performed_by: ClassVar[str] = "uki.sections"
    system: str
    kernel_version: str
    initrd: tuple[str, ...]
    cmdline: str
    stub: str
    architecture: str
    output: str
    epoch: int
    name: str = ""
    version: str = ""
    os_release: bool = True
    init: str = ""
    layers: int = 0
    on_disk: bool = False
    copied: bool = False
    unpacked: int = 0
    lacks: tuple[str, ...] = ()
    signer: str = ""
    pcr_key: str = ""
    detached: bool = True

    @property
    def stub_adds(self) -> bool:
        """Whether the stub adds files to the initramfs, and copies all of it for that (systemd-stub(7)).

        It adds the os-release, the signatures for PCR 11 and their public key.
        """
        return self.os_release or bool(self.pcr_key)
