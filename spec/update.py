"""How a machine gets the next version of its system: the key `update`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from . import hints
from .keys import key

if TYPE_CHECKING:
    from .values import credentials, paths, sizes, update, words


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateKey:
    """The key that signs updates: the private half is a secret of the build, the public one a file of the context."""

    HINTS: ClassVar[Mapping[str, str]] = hints.UPDATE_KEY
    secret: credentials.SecretId = key(
        "The ID of the secret with the private key (RSA-2048, in PEM): the build has `--secret id=ID,src=FILE`.",
        "update.key",
    )
    public: paths.SourcePath = key(
        "The path of the public key, or of a certificate, in the build context.", "keys/update.pub"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """When a new version counts as good. Without any of it, it is good once the machine has started all services."""

    HINTS: ClassVar[Mapping[str, str]] = hints.HEALTH
    SHORT: ClassVar[str] = "services"
    services: tuple[words.Service, ...] = key(
        "Services that run, and still run ten seconds later.", "[nginx]", default=(), unique=True, one_or_many=True
    )
    command: words.Script | None = key(
        "A command that succeeds. It is tried again until `timeout`.", "curl -fsS http://localhost/", default=None
    )
    timeout: update.Duration = key("How long all of it may take after the boot.", "10min", default=300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """The next version of the system: where it comes from, who signs it, and when it counts as good."""

    HINTS: ClassVar[Mapping[str, str]] = hints.UPDATE
    SHORT: ClassVar[str] = "from"
    source: update.Source | None = key(
        "Where new versions are: a repository of a registry (`oci://`), or a directory of a web server. Without it, "
        "`claylinux update --from` names the place.",
        "oci://registry.example/web",
        name="from",
        default=None,
    )
    channel: update.Channel | None = key(
        "Which of several lines of versions: the tag in a registry, or a directory below `from`. Default in a "
        "registry: stable.",
        "stable",
        default=None,
    )
    signing_key: UpdateKey | None = key(
        "The key that signs updates. Default: that of `secure_boot`.",
        "{secret: update.key, public: keys/update.pub}",
        name="key",
        default=None,
    )
    trust: tuple[paths.SourcePath, ...] = key(
        "Further public keys or certificates in the build context: what one of them has signed is installed as well.",
        "[keys/update-2027.pub]",
        default=(),
        one_or_many=True,
        unique=True,
    )
    health: Health = key(
        "What has to run until a new version counts as good. If it does not, the machine goes back to the old one.",
        "{services: [nginx], timeout: 5min}",
        default=Health(),
    )
    every: update.Interval = key(
        "How often a machine looks for a new version, or `never`. Each machine waits a time of its own.",
        "6h",
        default=86400,
    )
    reboot: update.Reboot = key(
        "When a machine starts a version that it has installed by itself: `manual`, `auto`, or a time of day.",
        "03:00-05:00",
        default="manual",
    )
    ca: paths.SourcePath | None = key(
        "Certificates, in PEM, of authorities that the server is trusted by, beside those of the system.",
        "keys/ca.pem",
        default=None,
    )
    proxy: words.ProxyUrl | None = key("The proxy to reach the server.", "http://proxy.example:3128", default=None)
    login: paths.SystemPath | None = key(
        "A file of the machine with the user name and password for the server, as a line `machine HOST login NAME "
        "password PASSWORD`.",
        "/etc/claylinux/update.netrc",
        default=None,
    )
    rate: sizes.Size | None = key("How many bytes a second it fetches at most.", "2M", default=None)
    space: sizes.Size | None = key(
        "The size of the partition for new versions. Default: room for three that are a quarter larger than this one.",
        "2G",
        default=None,
    )
