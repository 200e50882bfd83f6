"""Changes of the system itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from imager.request import Request


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
    """Create or change accounts in `system`. Each `group` and `user` is a JSON object (see `customize.users`)."""

    command: ClassVar[str] = "users"
    system: str
    group: tuple[str, ...] = ()
    user: tuple[str, ...] = ()
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Services(Request):
    """Make services of the user's own known to the init system. Each is a JSON object (see `customize.services`)."""

    command: ClassVar[str] = "services"
    system: str
    service: tuple[str, ...]
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Network(Request):
    """Set the network up for the service that `system` has. Each `interface` is a JSON object (`customize.network`)."""

    command: ClassVar[str] = "network"
    system: str
    interface: tuple[str, ...]
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Mounts(Request):
    """Write `mount`s to the fstab of `system`. Each is a JSON object (see `imager.customize.mounts`)."""

    command: ClassVar[str] = "mounts"
    system: str
    mount: tuple[str, ...]
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Folders(Request):
    """Make directories in `system`, or change those that are there (see `imager.customize.directories`)."""

    command: ClassVar[str] = "folders"
    system: str
    folder: tuple[str, ...]
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Link(Request):
    """Make symbolic links in `system`. Each `link` is a JSON object (see `imager.customize.links`)."""

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

    `include`, `exclude`: patterns of modules (see `imager.kernel.module_filter`); `load` and `required` stay in any
    case, `load` being what the user named. `firmware`: none, auto or patterns, nothing: all of it.
    `microcode`: intel, amd. `kernel_version`: the only kernel to look at; empty: all of them. See
    `imager.kernel.kernel_tree`.
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
