"""The language: what claylinux.yaml can say.

Each class is a mapping of the file; each field made with `key` is one of its keys. Decoder, JSON Schema
and reference page all read this one description. A new key is a line here and its use in the plan.

Three class variables tell the forms of a value:
    SHORT       the key that a single value stands for, where the mapping can be left out
    CHOSEN_BY   of classes that stand for each other: the key that picks this one. Where it is no field,
                its value is `true`
"""

from .accounts import User
from .base import Base, ContextBase, DockerfileBase, ImageBase, PresetBase
from .files import CopiedFile, Directory, FetchedFile, FileEntry, InlineFile, Symlink
from .kernel import Kernel, Modules
from .keys import Key
from .network import Dns
from .outputs import Limits, Output, Rootfs
from .packages import CopiedKey, FetchedKey, InlineKey, PublicKey, Repository
from .run import RunStep
from .services import Service, ServiceSwitch
from .spec import Spec

__all__ = [
    "Base",
    "ContextBase",
    "CopiedFile",
    "CopiedKey",
    "Directory",
    "Dns",
    "DockerfileBase",
    "FetchedFile",
    "FetchedKey",
    "FileEntry",
    "ImageBase",
    "InlineFile",
    "InlineKey",
    "Kernel",
    "Key",
    "Limits",
    "Modules",
    "Output",
    "PresetBase",
    "PublicKey",
    "Repository",
    "Rootfs",
    "RunStep",
    "Service",
    "ServiceSwitch",
    "Spec",
    "Symlink",
    "User",
]
