"""The whole file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from . import hints
from .accounts import Group, User
from .base import Base, PresetBase
from .files import FileEntry
from .install import Install
from .kernel import Kernel
from .keyboard import Keyboard
from .keys import NOTHING, key
from .mounts import FileSystem
from .network import Dns, Network
from .outputs import Limits, Output, Rootfs
from .packages import PackageManager, Repository
from .positions import Positions
from .presets import PRESETS
from .run import RunStep
from .secure_boot import SecureBoot
from .services import Service, ServiceSwitch
from .state import State
from .swap import Swap
from .update import Update
from .values import filesystems, kept, networking, paths, region, words

NO_BASE = PresetBase(preset=next(iter(PRESETS)))
"""Replaces a base with a problem, so that the rest can be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Keys of the file, with their values in this profile."""

    PARTIAL: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A build file: one bootable system and what to build of it."""

    HINTS: ClassVar[Mapping[str, str]] = hints.SPEC
    base: Base = key(
        "The system to start from: the name of a preset, or one of `image`, `context` and `dockerfile`.",
        "debian",
        stand_in=NO_BASE,
    )
    name: words.Name = key(
        "The name of the system, used for output files and in os-release.", "edge", default="claylinux"
    )
    version: words.VersionText | None = key(
        "The version of the system, used in os-release and labels.", "1.4.0", default=None
    )
    args: Mapping[words.Variable, words.Content] = key(
        "Build arguments with defaults, for `${NAME}` in other values. `--build-arg NAME=...` sets them.",
        '{VERSION: "1.0"}',
        default=NOTHING,
    )
    repositories: tuple[Repository, ...] = key(
        "Additional package repositories.",
        "[{url: https://packages.example/debian, suites: trixie, key: {source: acme.asc}}]",
        default=(),
    )
    package_manager: PackageManager = key(
        "What the package manager needs before it can install `packages`.",
        "{ca: {source: acme/ca.pem}, credentials: {secret: netrc}}",
        default=PackageManager(),
    )
    packages: tuple[words.Package, ...] = key(
        "Packages to install with the package manager of the base, or package files of the build context.",
        "[nginx, openssh-server, ./acme_1.0_amd64.deb]",
        default=(),
        unique=True,
    )
    remove_packages: tuple[words.PackageName, ...] = key(
        "Packages of the base to remove.", "[nano]", default=(), unique=True
    )
    files: Mapping[paths.SystemPath, FileEntry] = key(
        "Files, by their path in the system. A text is the content of the file.",
        '{/etc/motd: "Welcome!\\n"}',
        default=NOTHING,
    )
    run: tuple[RunStep, ...] = key(
        "Commands to run in the system during the build, after packages, users and files.",
        "[update-ca-certificates]",
        default=(),
        repeats=True,
    )
    groups: tuple[Group, ...] = key(
        "Groups. Those that `users` name are created without an entry here.",
        "[data, {name: web, gid: 2000}]",
        default=(),
    )
    users: tuple[User, ...] = key("User accounts.", "[{name: admin, groups: [sudo]}]", default=())
    hostname: networking.HostName | None = key("The host name of the system.", "web-01", default=None)
    timezone: region.TimeZone | None = key(
        "The time zone. A preset adds the package tzdata for it. Default: that of the base; presets have UTC.",
        "Europe/Berlin",
        default=None,
    )
    locale: region.Locale | None = key(
        "The language and the formats of programs. On Debian it is generated, for which a preset adds the package "
        "locales. Default: that of the base; presets have C.",
        "de_DE.UTF-8",
        default=None,
    )
    keyboard: Keyboard | None = key(
        "The keyboard of the consoles. A preset adds the packages for it. Default: that of the base; presets have a US "
        "keyboard.",
        "{layout: de, variant: nodeadkeys}",
        default=None,
    )
    hosts: Mapping[networking.HostsName, networking.Address] = key(
        "Additional entries of /etc/hosts: an address for each name.", "{db.internal: 10.0.0.5}", default=NOTHING
    )
    dns: Dns | None = key(
        "DNS servers and search domains. Default: those of the network.", "{servers: [9.9.9.9]}", default=None
    )
    network: Network | None = key(
        "The network interfaces, in the format of netplan. Default: those of the base; a preset uses DHCP.",
        "{ethernets: {eth0: {dhcp4: true}}}",
        default=None,
    )
    services: Mapping[words.Service, Service] = key(
        "Services that start at boot (`true`) or not (`false`), or your own with a `command`. A list starts all.",
        "[nginx]",
        default=NOTHING,
        list_as=ServiceSwitch(start=True),
    )
    mounts: Mapping[filesystems.MountPoint, FileSystem] = key(
        "File systems that the running system mounts, by directory.",
        "{/data: {device: LABEL=DATA, fstype: ext4, optional: true}}",
        default=NOTHING,
    )
    swap: tuple[Swap, ...] = key(
        "Swap spaces: compressed memory (`zram`), or a `device`.", "[{zram: 50%}]", default=(), unique=True
    )
    state: State | None = key(
        "A partition that stays, made at the first boot in empty space of the disk that the machine booted from. "
        "See docs/guide/state.md. Default: the system forgets everything at a reboot.",
        "rest",
        default=None,
    )
    persist: tuple[kept.Kept, ...] = key(
        "What stays on the partition of `state`: directories, and the words `journal`, `machine-id`, `network` and "
        "`ssh-host-keys`.",
        "[machine-id, ssh-host-keys, /var/lib/app]",
        default=(),
        unique=True,
    )
    update: Update | None = key(
        "How machines get the next version, and come back from a bad one. See docs/guide/update.md. Default: somebody "
        "writes a new image to them.",
        "{from: oci://registry.example/web, key: {secret: update.key, public: keys/update.pub}}",
        default=None,
    )
    install: Install | None = key(
        "The command `claylinux install`, by which the running system copies itself from a stick, a CD or an image to "
        "a disk. See docs/guide/install.md. Default: images are written to disks by other means.",
        "empty",
        default=None,
    )
    kernel: Kernel = key("The kernel and its settings.", "{cmdline: console=ttyS0}", default=Kernel())
    outputs: tuple[Output, ...] = key(
        "The files to build. Default: raw.", "[raw, iso]", default=(Output(format="raw"),), least=1
    )
    rootfs: Rootfs = key("How the system is packed into the image.", "{compression: 'zstd:19'}", default=Rootfs())
    secure_boot: SecureBoot | None = key(
        "The key that signs the system for UEFI Secure Boot. Default: it is not signed.",
        "{certificate: {source: keys/db.crt}, key: {secret: db.key}}",
        default=None,
    )
    limits: Limits = key("Size limits. The build fails if one is exceeded.", "{uki: 256M}", default=Limits())
    labels: Mapping[words.LabelName, words.LabelText] = key(
        "Labels of the OCI image.",
        "{org.opencontainers.image.source: https://git.example/edge}",
        default=NOTHING,
    )
    platforms: tuple[words.PlatformName, ...] = key(
        "The target platforms if `--platform` is not set. Default: the platform of the builder.",
        "[linux/amd64, linux/arm64]",
        default=(),
        unique=True,
    )
    source_date_epoch: words.Seconds | None = key(
        "The latest date in the result, in seconds since 1970-01-01. The environment variable SOURCE_DATE_EPOCH "
        "overrides it. Default: 1980-01-01.",
        "1767225600",
        default=None,
    )
    include: tuple[paths.IncludePath, ...] = key(
        "Files of the build context to merge below this one: mappings key by key, lists one after the other. For all "
        "other values, this file wins.",
        "[common/hardening.yaml]",
        default=(),
        one_or_many=True,
    )
    profiles: Mapping[words.Name, Profile] = key(
        "Other values for keys of this file, chosen with `--build-arg CLAYLINUX_PROFILE=NAME`. Mappings (and a list of "
        "`services`) are merged, lists are replaced.",
        "{dev: {outputs: [efi]}}",
        default=NOTHING,
    )
    arguments: Mapping[str, str] = field(default_factory=lambda: NOTHING, compare=False, repr=False)
    """The values of all arguments and of the variables of the platform."""
    used_arguments: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    undeclared_arguments: tuple[tuple[str, str | None], ...] = field(default=(), compare=False, repr=False)
    """The build arguments without a declaration in `args`, each with the declared one that was probably meant."""
    positions: Positions = field(default=Positions(), compare=False, repr=False)

    def __post_init__(self) -> None:
        named = tuple(each if each.name else dataclasses.replace(each, name=self.name) for each in self.outputs)
        object.__setattr__(self, "outputs", named)
