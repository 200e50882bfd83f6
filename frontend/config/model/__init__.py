"""The language: what claylinux.yaml can say.

Each class is a mapping of the file; each field made with `key` is one of its keys. Decoder, JSON Schema
and reference page all read this one description. A new key is a line here and its use in the plan.

Class variables tell the forms of a value, and what else people try:
    SHORT       the key that a single value stands for, where the mapping can be left out
    CHOSEN_BY   of classes that stand for each other: the key that picks this one. Where it is no field,
                its value is `true`
    HINTS       what to write instead of keys that people know from elsewhere and that are not here
"""

from .accounts import Group, HashSecret, HashText, KeyFile, KeyText, User
from .base import Base, ContextBase, DockerfileBase, ImageBase, PresetBase
from .files import CopiedFile, Directory, FetchedFile, FileEntry, InlineFile, Symlink
from .kernel import Kernel, Modules
from .keys import Key
from .mounts import DeviceMount, FileSystem, MemoryMount
from .network import Bridge, Dns, Ethernet, Match, Nameservers, Network, Route, Vlan
from .outputs import Limits, Output, Rootfs
from .packages import CopiedKey, FetchedKey, InlineKey, PublicKey, Repository
from .run import RunStep
from .services import Service, ServiceCommand, ServiceSwitch
from .spec import NO_BASE, Spec

__all__ = [
    "NO_BASE",
    "Base",
    "Bridge",
    "ContextBase",
    "CopiedFile",
    "CopiedKey",
    "DeviceMount",
    "Directory",
    "Dns",
    "DockerfileBase",
    "Ethernet",
    "FetchedFile",
    "FetchedKey",
    "FileEntry",
    "FileSystem",
    "Group",
    "HashSecret",
    "HashText",
    "ImageBase",
    "InlineFile",
    "InlineKey",
    "Kernel",
    "Key",
    "KeyFile",
    "KeyText",
    "Limits",
    "Match",
    "MemoryMount",
    "Modules",
    "Nameservers",
    "Network",
    "Output",
    "PresetBase",
    "PublicKey",
    "Repository",
    "Rootfs",
    "Route",
    "RunStep",
    "Service",
    "ServiceCommand",
    "ServiceSwitch",
    "Spec",
    "Symlink",
    "User",
    "Vlan",
]
