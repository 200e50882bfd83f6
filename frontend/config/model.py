"""The language: what claylinux.yaml can say.

Each class is a mapping of the file; each field made with `key` is one of its keys. Decoder, JSON Schema
and reference page all read this one description. A new key is a line here and its use in the plan.

Three class variables tell the forms of a value:
    SHORT       the key that a single value stands for, where the mapping can be left out
    CHOSEN_BY   of classes that stand for each other: the key that picks this one. Where it is no field,
                its value is `true`
"""

# ruff: noqa: RUF009 - `key` gives a dataclass field
from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple

from . import addresses, credentials, paths, words
from .positions import Positions

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Key(NamedTuple):
    """What is known about a key beside its type.

    `doc` is one sentence or more for users; `example` a value in YAML. `name` is the key where it differs
    from the field. `one_or_many`: one item may be written without its list. `list_as`: a list may be written
    for a mapping; it gives each item this value. `unique`: nothing may be in the list twice. `least`: fewer
    items are wrong. `stand_in` takes the place of a wrong value, so that the rest can still be checked.
    """

    doc: str
    example: str
    name: str | None = None
    one_or_many: bool = False
    list_as: object = None
    unique: bool = False
    least: int = 0
    stand_in: object = None


def key(doc: str, example: str, *, default: Any = MISSING, **options: Any) -> Any:
    """Return a dataclass field that is a key of the file; without `default` it is required."""
    description = {"key": Key(doc=doc, example=example, **options)}
    if default is MISSING:
        return field(metadata=description)
    return field(default_factory=lambda: default, metadata=description)  # immutable, so it can be shared


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetBase:
    """A system that Claylinux assembles itself, with kernel and init."""

    SHORT: ClassVar[str] = "preset"
    CHOSEN_BY: ClassVar[str] = "preset"
    preset: words.Preset = key("The name of a preset.", "debian")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageBase:
    """An OCI image. It brings, or `packages` adds, a kernel and an init."""

    CHOSEN_BY: ClassVar[str] = "image"
    image: words.ImageName = key("The image to start from.", "debian:13")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextBase:
    """A named build context: a folder, an image or another build."""

    CHOSEN_BY: ClassVar[str] = "context"
    context: words.ContextName = key("The NAME of a `--build-context NAME=...`.", "rootfs")


Base = PresetBase | ImageBase | ContextBase


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineFile:
    """A file whose content is in the build file."""

    SHORT: ClassVar[str] = "content"
    CHOSEN_BY: ClassVar[str] = "content"
    content: words.Content = key("The text of the file, exactly.", '"Welcome!\\n"')
    mode: paths.Mode | None = key("Permission bits in octal. Default: 0644.", '"0600"', default=None)
    owner: paths.OwnerName | None = key("USER or USER:GROUP. Default: root:root.", "www-data", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedFile:
    """A file, or the content of a folder, from a build context."""

    CHOSEN_BY: ClassVar[str] = "source"
    source: paths.SourcePath = key("The path in the build context. A folder is copied with all in it.", "files/motd")
    context: words.ContextName | None = key(
        "The named build context that `source` is in. Default: the main one.", "web", default=None
    )
    mode: paths.Mode | None = key("Permission bits in octal. Default: those of the source.", '"0755"', default=None)
    owner: paths.OwnerName | None = key("USER or USER:GROUP. Default: root:root.", "www-data", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symlink:
    """A symbolic link."""

    CHOSEN_BY: ClassVar[str] = "symlink"
    target: paths.LinkTarget = key("Where the link points.", "/usr/share/zoneinfo/UTC", name="symlink")


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A folder, empty unless other entries fill it."""

    CHOSEN_BY: ClassVar[str] = "directory"
    mode: paths.Mode | None = key("Permission bits in octal. Default: 0755.", '"0750"', default=None)
    owner: paths.OwnerName | None = key("USER or USER:GROUP. Default: root:root.", "www-data", default=None)


FileEntry = InlineFile | CopiedFile | Symlink | Directory


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """Shell commands that run in the system while it is built."""

    SHORT: ClassVar[str] = "script"
    script: words.Script = key("Commands for `/bin/sh -eu`.", "update-ca-certificates")
    name: words.Title | None = key("What the progress shows.", "build plugins", default=None)
    network: Literal["default", "none", "host"] | None = key(
        "The network of the step: `default`, `none` or `host`. Default: as the build was started.", "none", default=None
    )
    env: Mapping[words.Variable, words.Content] = key(
        "Environment variables of this step.", "{LANG: C.UTF-8}", default=_NOTHING
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user account; one that the base has is changed."""

    name: words.UserName = key("The login name.", "admin")
    uid: words.UserNumber | None = key("The user number. Default: the first that is free.", "1000", default=None)
    password: credentials.PasswordHash | None = key(
        'A crypt(3) hash as `openssl passwd -6` makes it; "" lets the user in without one, "*" lets no password in.',
        '"*"',
        default=None,
    )
    groups: tuple[words.UserName, ...] = key("Further groups of the user.", "[sudo]", default=(), unique=True)
    shell: paths.ProgramPath | None = key("The login shell. Default: /bin/bash, else /bin/sh.", "/bin/sh", default=None)
    home: paths.HomePath | None = key("The home folder. Default: /home/NAME.", "/srv/admin", default=None)
    comment: words.Comment | None = key("The full name.", "Ada Lovelace", default=None)
    system: bool = key("Whether this is the account of a service, without home folder.", "true", default=False)
    ssh_authorized_keys: tuple[credentials.SshKey, ...] = key(
        "The SSH public keys that let the user in.", "[ssh-ed25519 AAAA... ada@example]", default=(), unique=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Dns:
    """How the system resolves names."""

    servers: tuple[addresses.Address, ...] = key("IP addresses of name servers.", "[9.9.9.9]", default=(), unique=True)
    search: tuple[addresses.DomainName, ...] = key(
        "Domains to look short names up in.", "[example.org]", default=(), unique=True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """The kernel and what it is told."""

    cmdline: tuple[words.KernelWord, ...] = key(
        "Arguments for the kernel, joined with spaces.", '["console=ttyS0,115200", quiet]', default=(), one_or_many=True
    )
    version: words.KernelVersion | None = key(
        "Which kernel to boot, where the system has several.", "6.12.48+deb13-amd64", default=None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One file to build."""

    SHORT: ClassVar[str] = "format"
    format: words.Format = key(
        "`raw`: a disk; `iso`: a CD that also boots as a disk; `efi`: the UKI alone; disks of virtual machines: "
        "`qcow2` (QEMU, KVM), `vmdk` (VMware, stream-optimized), `vhdx` (Hyper-V), `vhd` (Azure, fixed size), "
        "`vdi` (VirtualBox).",
        "iso",
    )
    name: words.FileName = key("The file name without its ending. Default: the `name` of the file.", "edge", default="")

    @property
    def filename(self) -> str:
        """The name of the file in the result."""
        return f"{self.name}.{self.format}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A build file: one bootable system and what to build of it."""

    base: Base = key(
        "Where the system starts: the name of a preset, or one of `image` and `context`.",
        "debian",
        stand_in=PresetBase(preset=words.PRESETS[0]),
    )
    name: words.Name = key(
        "The name of the system: of its output files and its os-release.", "edge", default="claylinux"
    )
    packages: tuple[words.Package, ...] = key(
        "Packages to install, with the package manager of the base.", "[nginx, openssh-server]", default=(), unique=True
    )
    files: Mapping[paths.SystemPath, FileEntry] = key(
        "Files by their path in the system. A text is the content of the file.",
        '{/etc/motd: "Welcome!\\n"}',
        default=_NOTHING,
    )
    run: tuple[RunStep, ...] = key(
        "Commands to run in the system, after packages, users and files.", "[update-ca-certificates]", default=()
    )
    users: tuple[User, ...] = key("User accounts.", "[{name: admin, groups: [sudo]}]", default=())
    hostname: addresses.HostName | None = key("The host name of the system.", "web-01", default=None)
    hosts: Mapping[addresses.HostsName, addresses.Address] = key(
        "Further entries of /etc/hosts, address by name.", "{db.internal: 10.0.0.5}", default=_NOTHING
    )
    dns: Dns | None = key("How names are resolved. Default: as the network says.", "{servers: [9.9.9.9]}", default=None)
    services: Mapping[words.Service, bool] = key(
        "Services to start at boot (`true`) or not (`false`); a list starts all that are in it.",
        "[nginx]",
        default=_NOTHING,
        list_as=True,
    )
    kernel: Kernel = key("The kernel.", "{cmdline: console=ttyS0}", default=Kernel())
    outputs: tuple[Output, ...] = key(
        "What to build. Default: raw.", "[raw, iso]", default=(Output(format="raw"),), least=1
    )
    positions: Positions = field(default=Positions(), compare=False, repr=False)

    def __post_init__(self) -> None:
        named = tuple(each if each.name else dataclasses.replace(each, name=self.name) for each in self.outputs)
        object.__setattr__(self, "outputs", named)
