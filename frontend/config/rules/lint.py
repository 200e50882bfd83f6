"""Warnings about valid build files that most likely do not mean what they say. docs/guide/lint.md explains each rule.

People turn a rule off for good after its first false alarm. So there are few rules, and each looks only at the file
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from frontend.config.syntax.diagnostics import Diagnostic, Severity
from frontend.config.syntax.directives import INVALID_DIRECTIVE, read_directive
from spec.accounts import HashText, User
from spec.base import DockerfileBase, ImageBase
from spec.document import Spec
from spec.files import CopiedFile, Directory, FetchedFile, InlineFile
from spec.positions import Path, Range
from spec.services import ServiceCommand
from spec.values.run_mounts import BindMount, CacheMount
from spec.values.wording import code
from spec.values.words import package_name

from .lint_boot import open_command_line, open_state
from .lint_desktop import desktop_drivers
from .lint_groups import unknown_groups

_SECRET_WORDS = frozenset(
    {"APIKEY", "AUTH", "CREDENTIAL", "CREDENTIALS", "KEY", "PASSWD", "PASSWORD", "PWORD", "SECRET", "TOKEN"}
)
"""Those of BuildKit's rule SecretsUsedInArgOrEnv."""
_HARMLESS_WORDS = frozenset({"PUBLIC", "FILE", "PATH"})
"""A public key is no secret, nor is the path of one."""
_SSH_SERVERS = frozenset({"dropbear", "openssh", "openssh-server", "ssh", "ssh.service", "sshd", "sshd.service"})
"""Packages and services of the distributions."""
_OTHERS_WRITE = 0o002
_STICKY = 0o1000


_Found = Iterator[tuple[Range, str]]


def check(text: bytes, spec: Spec) -> tuple[Diagnostic, ...]:
    """Return what the rules find in `spec`, in file order, with the `# check=` line of its file `text` applied.

    The severity is `error` if that line has `error=true`.
    """
    directive = read_directive(text, tuple(RULES))
    found = (each for each in lint(spec) if each.rule not in directive.skip)
    severity: Severity = "error" if directive.error else "warning"
    return tuple(each._replace(severity=severity) for each in (*directive.diagnostics, *found))


def fails(text: bytes) -> bool:
    """Return whether a file, `text`, wants its build to fail for what the rules find."""
    return read_directive(text, tuple(RULES)).error


def skipped(text: bytes) -> frozenset[str]:
    """Return the rules that the `# check=` line of the file `text` turns off."""
    return read_directive(text, tuple(RULES)).skip


def lint(spec: Spec) -> tuple[Diagnostic, ...]:
    """Return what all rules find, in file order."""
    found = {
        Diagnostic(place.head, message, "warning", rule)
        for rule, (_, look) in _RULES.items()
        if look
        for place, message in look(spec)
    }
    return tuple(sorted(found))


def description(rule: str) -> str:
    """Return what a rule looks for, in a sentence."""
    return RULES[rule]


def url(rule: str) -> str:
    """Return the page that explains a rule."""
    return f"docs/guide/lint.md#{rule.lower()}"


def _open_users(spec: Spec) -> Iterator[tuple[User, Range]]:
    """Yield the users who have an empty password."""
    for number, user in enumerate(spec.users):
        if isinstance(user.password, HashText) and user.password.hash == "" and not user.lock:
            yield user, spec.positions.of("users", number, "password")


def _root_password(spec: Spec) -> _Found:
    for user, place in _open_users(spec):
        if user.name == "root":
            yield (
                place,
                "root has an empty password, so anyone at a console is root: set a hash (`openssl passwd -6` makes "
                "one), or remove `password`",
            )


def _user_password(spec: Spec) -> _Found:
    installed = set(map(package_name, spec.packages))
    if not _SSH_SERVERS & (installed | set(spec.services)):
        return  # Only the console is open: a kiosk, a demo.
    for user, place in _open_users(spec):
        if user.name != "root":
            yield (
                place,
                f"{code(user.name)} has an empty password, and the system has an SSH server: set a hash, or "
                '`password: "*"` to allow SSH keys only',
            )


def _urls(spec: Spec) -> _Found:
    for path, entry in spec.files.items():
        if isinstance(entry, FetchedFile) and entry.checksum is None:
            place = spec.positions.of("files", path, "url")
            yield place, "the content of this URL can change: add its SHA-256 (for example `checksum: sha256:...`)"


def _images(spec: Spec) -> _Found:
    named: list[tuple[str, Path]] = []
    if isinstance(spec.base, ImageBase):
        named.append((spec.base.image, ("base", "image")))
    for path, entry in spec.files.items():
        if isinstance(entry, CopiedFile) and entry.image:
            named.append((entry.image, ("files", path, "image")))
    for index, step in enumerate(spec.run):
        for number, mount in enumerate(step.mounts):
            # A name without a tag may be a build context, which only a build knows.
            origin = mount.origin if isinstance(mount, BindMount | CacheMount) else ""
            if "/" in origin or ":" in origin:
                named.append((origin, ("run", index, "mounts", number)))
    for name, where in named:
        tag = name.rpartition("/")[2].partition(":")[2]
        if "@" not in name and name != "scratch" and tag in ("", "latest"):
            bare = name.removesuffix(":latest")
            yield (
                spec.positions.of(*where),
                f"{code(name)} can be a different image tomorrow: pin a version (`{bare}:TAG`) or a digest "
                f"(`{bare}@sha256:...`)",
            )


def _repositories(spec: Spec) -> _Found:
    for path, entry in spec.files.items():
        if isinstance(entry, CopiedFile) and entry.git and not entry.git.partition("#")[2].partition(":")[0]:
            place = spec.positions.of("files", path, "git")
            yield place, "the default branch can change: pin a tag or commit (for example `#v1.2` at the end)"


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
        return f"{code(name)} looks like a secret, and anyone can read it in the image: let the service read a file"
    return (
        f"{code(name)} looks like a secret, and the build records keep it: use a secret mount of `run` "
        '(for example `mounts: ["type=secret,id=token"]`)'
    )


def _unused(spec: Spec) -> _Found:
    if isinstance(spec.base, DockerfileBase):
        return  # The Dockerfile may use it.
    for name in spec.args:
        if name not in spec.used_arguments:
            yield spec.positions.key("args", name), f"nothing uses `${{{name}}}`: remove the argument, or use it"


def _undeclared(spec: Spec) -> _Found:
    if isinstance(spec.base, DockerfileBase):
        return  # The Dockerfile may declare it.
    for name, near in spec.undeclared_arguments:
        hint = f"did you mean {code(near)}?" if near else f'declare it (for example `args: {{{name}: ""}}`)'
        yield (
            spec.positions.key("args"),
            f"`--build-arg {name}` has no effect, because `args` does not declare {code(name)}: {hint}",
        )


def _writable(spec: Spec) -> _Found:
    for path, entry in spec.files.items():
        if isinstance(entry, InlineFile | CopiedFile | FetchedFile | Directory):
            mode = entry.mode or 0
            if mode & _OTHERS_WRITE and not mode & _STICKY:
                place = spec.positions.of("files", path, "mode")
                less = f"{mode & ~_OTHERS_WRITE:04o}"
                what = "directory" if isinstance(entry, Directory) else "file"
                yield (
                    place,
                    f"every user and service can write to this {what}: use mode {less}, and set `owner` to the "
                    "account that writes to it",
                )


_RULES: Mapping[str, tuple[str, Callable[[Spec], _Found] | None]] = {
    INVALID_DIRECTIVE: ("The `# check=` line names an unknown rule or option", None),
    "DesktopDrivers": ("A desktop is installed, and the kernel modules are those of a server", desktop_drivers),
    "OpenCommandLine": ("A signed command line opens the system to whoever is at the console", open_command_line),
    "OpenState": ("The TPM opens an encrypted state for systems that nobody signed", open_state),
    "RootWithoutPassword": ("root has an empty password", _root_password),
    "SecretsInArgs": ("Build arguments and environment variables should not hold secrets", _secrets),
    "UndeclaredArg": ("A build argument is set that `args` does not declare", _undeclared),
    "UnknownGroup": ("A user is in a group that the system most likely does not have", unknown_groups),
    "UnpinnedGit": ("A git repository is used without a branch, tag or commit", _repositories),
    "UnpinnedImage": ("An image is used without a version", _images),
    "UnpinnedUrl": ("A download has no checksum", _urls),
    "UnusedArg": ("A build argument is declared but never used", _unused),
    "UserWithoutPassword": ("A user has an empty password, and the system has an SSH server", _user_password),
    "WorldWritableFile": ("Every user can change a file", _writable),
}
DISK_LEFTOVER, HIDDEN_FILE = "DiskLeftover", "HiddenFile"
HUGE_SYSTEM, MISSING_FIRMWARE, PRIVATE_KEY = "HugeSystem", "MissingFirmware", "PrivateKey"
LOST_OWNERS, BROKEN_PROGRAM = "LostOwners", "BrokenProgram"
BUILD_RULES: Mapping[str, str] = {
    BROKEN_PROGRAM: "A file of `files` is a program that the system cannot start, or starts one",
    DISK_LEFTOVER: "The base was made for a disk, and has entries that cannot work in memory",
    HIDDEN_FILE: "The running system does not see a file: a mount, or a directory made at boot, hides it",
    HUGE_SYSTEM: "Firmware may fail to start a UKI of this size",
    LOST_OWNERS: "The base is a directory of the client, which comes without the owners of its files",
    MISSING_FIRMWARE: "A kernel module needs firmware that the system does not have",
    PRIVATE_KEY: "The image contains a private key that the build or its base made",
}
"""Rules that look at the built system."""
FAILING = frozenset({LOST_OWNERS, PRIVATE_KEY})
"""The rules of `BUILD_RULES` whose findings come in time to fail the build."""
RULES: Mapping[str, str] = {**{rule: about for rule, (about, _) in _RULES.items()}, **BUILD_RULES}
"""What each rule looks for, by its id."""
