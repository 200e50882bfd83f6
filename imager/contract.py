"""What the imager can be asked: the interface between the planner and the build steps.

A request is a frozen value; `argv()` gives its command line, `parse()` reads it back, and
`parse(request.argv()) == request` always (see `imager.request`). All paths are those that the build step sees. `epoch`
is in seconds since 1970-01-01T00:00:00Z: nothing in an output is dated later.

Importing this module is cheap: the planner does it in every build.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from imager import request
from imager.request import Request

if TYPE_CHECKING:
    from collections.abc import Sequence

ARCHITECTURES = ("amd64", "arm64")
"""The architectures that outputs exist for, in Docker's words."""


@dataclass(frozen=True, kw_only=True)
class Inspect(Request):
    """Write a JSON report of what is in `system` to `output` (see `imager.report`).

    `module`: names of modules to look for in every kernel. `kernel_tree`: what the request of this name wrote.
    `weigh`: whether to count files, which means to look at all of them.
    """

    command: ClassVar[str] = "inspect"
    system: str
    output: str
    weigh: bool = True
    module: tuple[str, ...] = ()
    kernel_tree: str = ""


@dataclass(frozen=True, kw_only=True)
class Stage(Request):
    """Pack `system`, or what it changed in the stage `below`, as a cpio archive.

    `facts` is where to write what was packed, `lower` what was written for the stages below (see `imager.segments`),
    the lowest first. `more`: other stages follow. `compression` is none, gz[:1-9], xz[:0-9], lz4[:1-12] or zstd[:1-22].
    """

    system: str
    output: str
    compression: str = "zstd"
    epoch: int
    below: str = ""
    facts: str = ""
    lower: tuple[str, ...] = ()
    more: bool = False


@dataclass(frozen=True, kw_only=True)
class Initramfs(Stage):
    """Pack a stage, with our `init` in the lowest, for the kernel to unpack."""

    command: ClassVar[str] = "initramfs"
    init: str


@dataclass(frozen=True, kw_only=True)
class Layer(Stage):
    """Pack a stage as a read-only file system, the layer `number` from below, counted from 0.

    The archive's header is not in the file: see `imager.layers`. xz and lz4 have one level only.
    """

    command: ClassVar[str] = "layer"
    number: int = 0


@dataclass(frozen=True, kw_only=True)
class Uki(Request):
    """Lay out `stub`, the kernel of `system`, its microcode and the `initrd` files as one EFI program.

    `output` ends in .json and says which bytes go where (see `imager.program`); the `initrd` files stay where they are.
    `kernel_version` picks one of the kernels that `inspect` reports. `name` and `version` become
    IMAGE_ID and IMAGE_VERSION of the embedded os-release. With `layers`, the first so many of the `initrd` are such:
    our `init` and the modules that it needs go before them. `unpacked` is what the system takes in a tmpfs, in bytes,
    `lacks` what modules the kernel would have to have for layers, where that is why there are none.
    """

    command: ClassVar[str] = "uki"
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
    init: str = ""
    layers: int = 0
    unpacked: int = 0
    lacks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Output(Request):
    """Make something that boots of `uki`: the layout of one, or an EFI program."""

    uki: str
    output: str
    architecture: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Efi(Output):
    """The EFI program itself."""

    command: ClassVar[str] = "efi"


@dataclass(frozen=True, kw_only=True)
class Disk(Output):
    """Make a bootable medium. `label` names its file system."""

    label: str = "CLAYLINUX"


@dataclass(frozen=True, kw_only=True)
class Raw(Disk):
    """A GPT disk with one EFI system partition. `label`: at most 11 characters."""

    command: ClassVar[str] = "raw"


@dataclass(frozen=True, kw_only=True)
class Iso(Disk):
    """An ISO that boots as a CD, and as a disk when written to one. `label`: at most 32 characters."""

    command: ClassVar[str] = "iso"


@dataclass(frozen=True, kw_only=True)
class Qcow2(Disk):
    """An image for QEMU, KVM and OpenStack, like raw; `compress`: with zlib, for systems that are not compressed."""

    command: ClassVar[str] = "qcow2"
    compress: bool = False


@dataclass(frozen=True, kw_only=True)
class Vmdk(Disk):
    """An image for VMware, like raw. `subformat` is streamOptimized or monolithicSparse (see `imager.vmdk`).

    `compress`: with zlib, for systems that are not compressed; streamOptimized only.
    """

    command: ClassVar[str] = "vmdk"
    subformat: str = "streamOptimized"
    compress: bool = False


@dataclass(frozen=True, kw_only=True)
class Vhdx(Disk):
    """An image for Hyper-V, like raw."""

    command: ClassVar[str] = "vhdx"


@dataclass(frozen=True, kw_only=True)
class Vhd(Disk):
    """An image of fixed size for Azure, like raw."""

    command: ClassVar[str] = "vhd"


@dataclass(frozen=True, kw_only=True)
class Vdi(Disk):
    """An image for VirtualBox, like raw."""

    command: ClassVar[str] = "vdi"


@dataclass(frozen=True, kw_only=True)
class Hashes(Request):
    """Check the password hashes in the files of `source` that `name` names, and copy them to `output`."""

    command: ClassVar[str] = "hashes"
    source: str
    name: tuple[str, ...]
    output: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Users(Request):
    """Create or change accounts in `system`. Each `group` and `user` is a JSON object (see `imager.users`)."""

    command: ClassVar[str] = "users"
    system: str
    group: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Services(Request):
    """Make services of the user's own known to the init system. Each is a JSON object (see `imager.services`)."""

    command: ClassVar[str] = "services"
    system: str
    service: tuple[str, ...]
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Network(Request):
    """Set the network up for the service that `system` has. Each `interface` is a JSON object (`imager.network`)."""

    command: ClassVar[str] = "network"
    system: str
    interface: tuple[str, ...]
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Mounts(Request):
    """Write `mount`s to the fstab of `system`. Each is a JSON object (see `imager.mounts`)."""

    command: ClassVar[str] = "mounts"
    system: str
    mount: tuple[str, ...]
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Folders(Request):
    """Make directories in `system`, or change those that are there (see `imager.folders`)."""

    command: ClassVar[str] = "folders"
    system: str
    folder: tuple[str, ...]
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Link(Request):
    """Make symbolic links in `system`. Each `link` is a JSON object (see `imager.links`)."""

    command: ClassVar[str] = "link"
    system: str
    link: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Identity(Request):
    """Write `name` and `version` into the os-release of `system`, as IMAGE_ID and IMAGE_VERSION."""

    command: ClassVar[str] = "identity"
    system: str
    name: str
    version: str = ""
    epoch: int


@dataclass(frozen=True, kw_only=True)
class KernelTree(Request):
    """Reduce the modules, firmware and microcode of `system`, and write what was found to `output`.

    `include`, `exclude`: patterns of modules (see `imager.choice`); `load` and `required` stay in any case, `load`
    being what the user named. `firmware`: none, auto or patterns, nothing: all of it. `microcode`: intel, amd.
    `kernel_version`: the only kernel to look at; empty: all of them. See `imager.kernel_tree`.
    """

    command: ClassVar[str] = "kernel-tree"
    system: str
    output: str
    kernel_version: str = ""
    load: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    firmware: tuple[str, ...] = ()
    microcode: tuple[str, ...] = ()
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Sizes(Request):
    """Report what takes the space in `system` and `uki`: JSON to `output`, a table to `text` (see `imager.sizes`).

    `ram` is the memory in bytes that booting needs, 0 when it is not known; `mode` how the system is kept in it.
    """

    command: ClassVar[str] = "sizes"
    system: str
    uki: str
    output: str
    text: str
    name: str
    ram: int = 0
    mode: str = ""
    epoch: int


REQUESTS: dict[str, type[Request]] = {
    kind.command: kind
    for kind in (
        Inspect,
        Initramfs,
        Layer,
        Uki,
        Efi,
        Raw,
        Iso,
        Qcow2,
        Vmdk,
        Vhdx,
        Vhd,
        Vdi,
        Hashes,
        Users,
        Services,
        Network,
        Mounts,
        Folders,
        Link,
        Identity,
        KernelTree,
        Sizes,
    )
}
"""Every request by its command."""


@dataclass(frozen=True)
class Format:
    """One kind of output. `request` makes it from the UKI."""

    name: str
    extension: str
    summary: str
    request: type[Output]


FORMATS: dict[str, Format] = {
    row.name: row
    for row in (
        Format("efi", "efi", "the unified kernel image itself", Efi),
        Format("raw", "raw", "GPT disk image", Raw),
        Format("iso", "iso", "hybrid ISO for CDs, USB sticks and disks", Iso),
        Format("qcow2", "qcow2", "disk for QEMU, KVM, Proxmox and OpenStack", Qcow2),
        Format("vmdk", "vmdk", "disk for VMware and AWS", Vmdk),
        Format("vhdx", "vhdx", "disk for Hyper-V", Vhdx),
        Format("vhd", "vhd", "disk of fixed size for Azure", Vhd),
        Format("vdi", "vdi", "disk for VirtualBox", Vdi),
    )
}
"""Every output format. A new one is a row here, a request above and a module in `imager`."""


def parse(argv: Sequence[str]) -> Request:
    """Read a command line; raises UsageError."""
    return request.parse(REQUESTS, argv)


def usage() -> str:
    """Describe all commands and their flags, for people."""
    return request.usage(REQUESTS)
