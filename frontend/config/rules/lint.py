"""What is allowed in a build file and yet most likely not meant. docs/guide/lint.md tells the why of each rule.

A rule that is wrong once is switched off for ever: so there are few, and each looks only at what the file itself says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from frontend.config.syntax.directives import read_directive
from spec.accounts import HashText, User
from spec.base import DockerfileBase, ImageBase
from spec.document import Spec
from spec.files import CopiedFile, Directory, FetchedFile, InlineFile
from spec.positions import Path, Range
from spec.services import ServiceCommand
from spec.values.run_mounts import BindMount, CacheMount
from spec.values.wording import code

from .lint_groups import unknown_groups

_SECRET_WORDS = frozenset(
    {"APIKEY", "AUTH", "CREDENTIAL", "CREDENTIALS", "KEY", "PASSWD", "PASSWORD", "PWORD", "SECRET", "TOKEN"}
)
"""Those of BuildKit's rule SecretsUsedInArgOrEnv."""
_HARMLESS_WORDS = frozenset({"PUBLIC", "FILE", "PATH"})
"""A public key, and the place of a secret, are none."""
_SSH_SERVERS = frozenset({"dropbear", "openssh", "openssh-server", "ssh", "ssh.service", "sshd", "sshd.service"})
"""Packages and services of the distributions."""
_OTHERS_WRITE = 0o002
_STICKY = 0o1000


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing to look at. `rule` is the id of a rule in `RULES`."""

    range: Range
    rule: str
    message: str


class Linted(NamedTuple):
    """What was found, in file order, and whether the file wants its build to fail for it."""

    findings: tuple[Finding, ...]
    fails: bool


_Found = Iterator[tuple[Range, str]]


def check(text: bytes, spec: Spec) -> Linted:
    """Return what the rules say to `spec`, as the `# check=` line of its file, `text`, wants it."""
    directive = read_directive(text, tuple(RULES))
    wrong = [Finding(place, INVALID_DIRECTIVE, message) for place, message in directive.complaints]
    found = [finding for finding in lint(spec) if finding.rule not in directive.skip]
    return Linted((*wrong, *found), directive.error)


def skipped(text: bytes) -> frozenset[str]:
    """Return the rules that the `# check=` line of a file, `text`, leaves out."""
    return read_directive(text, tuple(RULES)).skip


def lint(spec: Spec) -> tuple[Finding, ...]:
    """Return everything that the rules say, in file order."""
    found = {
        Finding(place.head, rule, message)
        for rule, (_, look) in _RULES.items()
        if look
        for place, message in look(spec)
    }
    return tuple(sorted(found))


def description(rule: str) -> str:
    """Return what a rule is about, in a sentence."""
    return RULES[rule]


def url(rule: str) -> str:
    """Return where a rule is explained."""
    return f"docs/guide/lint.md#{rule.lower()}"


def _open_users(spec: Spec) -> Iterator[tuple[User, Range]]:
    """Yield the users whose password is the empty one."""
    for number, user in enumerate(spec.users):
        if isinstance(user.password, HashText) and user.password.hash == "" and not user.lock:
            yield user, spec.positions.of("users", number, "password")


def _root_password(spec: Spec) -> _Found:
    for user, place in _open_users(spec):
        if user.name == "root":
            yield place, "root needs no password: everyone at a console is root; write a hash, or leave `password` out"


def _user_password(spec: Spec) -> _Found:
    installed = {package.partition("=")[0] for package in spec.packages}
    if not _SSH_SERVERS & (installed | set(spec.services)):
        return  # for the console alone: a kiosk, a demo
    for user, place in _open_users(spec):
        if user.name != "root":
            yield place, f"{code(user.name)} needs no password, and there is an SSH server: write a hash, or `*`"


def _urls(spec: Spec) -> _Found:
    for path, entry in spec.files.items():
        if isinstance(entry, FetchedFile) and entry.checksum is None:
            place = spec.positions.of("files", path, "url")
            yield place, "what is behind this address can change: add its `checksum: sha256:...`"


def _images(spec: Spec) -> _Found:
    named: list[tuple[str, Path]] = []
    if isinstance(spec.base, ImageBase):
        named.append((spec.base.image, ("base", "image")))
    for path, entry in spec.files.items():
        if isinstance(entry, CopiedFile) and entry.image:
            named.append((entry.image, ("files", path, "image")))
    for index, step in enumerate(spec.run):
        for number, mount in enumerate(step.mounts):
            # A name without tag may be a build context that is given with the build: nothing is said of it.
            origin = mount.origin if isinstance(mount, BindMount | CacheMount) else ""
            if "/" in origin or ":" in origin:
                named.append((origin, ("run", index, "mounts", number)))
    for name, where in named:
        tag = name.rpartition("/")[2].partition(":")[2]
        if "@" not in name and name != "scratch" and tag in ("", "latest"):
            yield spec.positions.of(*where), f"{code(name)} is another image tomorrow: name a version, or a digest"


def _repositories(spec: Spec) -> _Found:
    for path, entry in spec.files.items():
        if isinstance(entry, CopiedFile) and entry.git and not entry.git.partition("#")[2].partition(":")[0]:
            place = spec.positions.of("files", path, "git")
            yield place, "the default branch is another one tomorrow: add `#` and a tag or commit"


def _secrets(spec: Spec) -> _Found:
    holders: list[tuple[Mapping[str, object], Path]] = [(spec.args, ("args",))]
    if isinstance(spec.base, DockerfileBase):
        holders.append((spec.base.args, ("base", "args")))
    holders += [(step.env, ("run", number, "env")) for number, step in enumerate(spec.run)]
    for name, service in spec.services.items():
        if isinstance(service, ServiceCommand):
            holders.append((service.env, ("services", name, "env")))
    for values, where in holders:
        for name in values:
            words = frozenset(name.upper().split("_"))
            if words & _SECRET_WORDS and not words & _HARMLESS_WORDS:
                yield spec.positions.key(*where, name), _secret_message(name, where)


def _secret_message(name: str, where: Path) -> str:
    if where[0] == "services":
        return f"{code(name)} looks like a secret, and everyone can read it in the image: have the service read a file"
    return f"{code(name)} looks like a secret, and the build's records keep it: use a secret mount of `run`"


def _unused(spec: Spec) -> _Found:
    if isinstance(spec.base, DockerfileBase):
        return  # a build argument is the Dockerfile's, too
    for name in spec.args:
        if name not in spec.used_arguments:
            yield spec.positions.key("args", name), f"nothing uses `${{{name}}}`: use it, or remove the argument"


def _undeclared(spec: Spec) -> _Found:
    if isinstance(spec.base, DockerfileBase):
        return  # it is the Dockerfile's
    for name, near in spec.undeclared_arguments:
        hint = f": did you mean {code(near)}?" if near else ""
        yield spec.positions.key("args"), f"`--build-arg {name}` sets nothing, as `args` declares no {code(name)}{hint}"


def _writable(spec: Spec) -> _Found:
    for path, entry in spec.files.items():
        if isinstance(entry, InlineFile | CopiedFile | FetchedFile | Directory):
            mode = entry.mode or 0
            if mode & _OTHERS_WRITE and not mode & _STICKY:
                place = spec.positions.of("files", path, "mode")
                less = f"{mode & ~_OTHERS_WRITE:04o}"
                yield place, f"every user and service can change this: write {less}, or give it an `owner`"


INVALID_DIRECTIVE = "InvalidDirective"
_RULES: Mapping[str, tuple[str, Callable[[Spec], _Found] | None]] = {
    INVALID_DIRECTIVE: ("The `# check=` line asks for something that is not known", None),
    "RootWithoutPassword": ("root has an empty password", _root_password),
    "SecretsInArgs": ("A secret should not be in build arguments or environment variables", _secrets),
    "UndeclaredArg": ("A build argument is given that is not declared", _undeclared),
    "UnknownGroup": ("A group is named that the system most likely does not have", unknown_groups),
    "UnpinnedGit": ("A git repository is named without a branch, tag or commit", _repositories),
    "UnpinnedImage": ("An image is named without a version", _images),
    "UnpinnedUrl": ("A download has no checksum", _urls),
    "UnusedArg": ("A build argument is declared and used nowhere", _unused),
    "UserWithoutPassword": ("A user has an empty password, and there is an SSH server", _user_password),
    "WorldWritableFile": ("Every user can change a file", _writable),
}
DISK_LEFTOVER, HIDDEN_FILE = "DiskLeftover", "HiddenFile"
HUGE_SYSTEM, MISSING_FIRMWARE = "HugeSystem", "MissingFirmware"
BUILD_RULES: Mapping[str, str] = {
    DISK_LEFTOVER: "The base was made for a disk, and has entries that cannot work in memory",
    HIDDEN_FILE: "The running system does not see a file: a mount, or a directory made at boot, hides it",
    HUGE_SYSTEM: "Firmware may fail to start a UKI of this size",
    MISSING_FIRMWARE: "A module asks for firmware that the system lacks",
}
"""Those of the rules that look at what is built: their findings come too late to fail the build."""
RULES: Mapping[str, str] = {**{rule: about for rule, (about, _) in _RULES.items()}, **BUILD_RULES}
"""What each rule is about, by its id."""
