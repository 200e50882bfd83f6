"""The files that a spec takes from elsewhere: their origin, their path, and the values that name both."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from spec.accounts import KeyFile
from spec.document import Spec
from spec.files import CopiedFile
from spec.kernel import MachineFile
from spec.packages import CopiedKey, CopiedText
from spec.positions import Range
from spec.secure_boot import CertificateFile, SignatureFile
from spec.values.run_mounts import BindMount, CacheMount
from spec.values.words import is_package_file


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A tree outside of the system. `kind` is context (the main one has no name), image or git.

    The kind `any` stands for `from=` of a mount: a build context or, if there is none of this name, an image.
    """

    kind: str = "context"
    name: str = ""


KEYS = {"PK": False, "KEK": False, "db": False, "dbx": True}
"""The files NAME.auth of `secure_boot.enroll`, and whether they are optional."""
MAIN = Origin()
"""The main build context."""


@dataclass(frozen=True, slots=True)
class Need:
    """One path of an origin. `key` begins a message about it.

    `range` is the value that names the path, `origin_range` the one that names the origin. `optional`: the system can
    be planned without it.
    """

    origin: Origin
    path: str
    key: str
    range: Range
    origin_range: Range
    optional: bool = False


def needs(spec: Spec) -> Iterator[Need]:
    """Yield every path that must exist before the system can be planned."""
    positions = spec.positions
    for path, entry in spec.files.items():
        if isinstance(entry, CopiedFile):
            origin = origin_of_file(entry)
            source, named = positions.of("files", path, "source"), positions.of("files", path, origin.kind)
            yield Need(origin, entry.source, f"`files`: {path}", source, named)
    for index, repository in enumerate(spec.repositories):
        if isinstance(repository.public_key, CopiedKey):
            source = positions.of("repositories", index, "key", "source")
            yield Need(MAIN, repository.public_key.source, "`repositories`: key", source, source)
    yield from _package_files(spec)
    yield from _key_files(spec)
    yield from _secure_boot_files(spec)
    yield from _update_files(spec)
    for index, machine in enumerate(spec.kernel.for_):
        if isinstance(machine, MachineFile):
            place = positions.of("kernel", "for", index, "source")
            yield Need(MAIN, machine.source, "`kernel`: for", place, place)
    for index, step in enumerate(spec.run):
        for number, mount in enumerate(step.mounts):
            if isinstance(mount, BindMount) or (isinstance(mount, CacheMount) and mount.origin):
                place = positions.of("run", index, "mounts", number)
                yield Need(origin_of_mount(mount), mount.source, f"`run`: mount at {mount.target}", place, place)


def _package_files(spec: Spec) -> Iterator[Need]:
    for name in ("answers", "ca"):
        text = getattr(spec.package_manager, name)
        if isinstance(text, CopiedText):
            source = spec.positions.of("package_manager", name, "source")
            yield Need(MAIN, text.source, f"`package_manager`: {name}", source, source)
    for index, package in enumerate(spec.packages):
        if is_package_file(package):
            place = spec.positions.of("packages", index)
            yield Need(MAIN, package.removeprefix("./"), "`packages`", place, place)


def _key_files(spec: Spec) -> Iterator[Need]:
    for index, user in enumerate(spec.users):
        for number, each in enumerate(user.ssh_authorized_keys):
            if isinstance(each, KeyFile):
                path = ("users", index, "ssh_authorized_keys", number)
                source, context = spec.positions.of(*path, "source"), spec.positions.of(*path, "context")
                yield Need(origin_of_key(each), each.source, f"`users`: {user.name}", source, context)


def _secure_boot_files(spec: Spec) -> Iterator[Need]:
    for name in ("certificate", "signature"):
        file = getattr(spec.secure_boot, name, None)
        if isinstance(file, CertificateFile | SignatureFile):
            place = spec.positions.of("secure_boot", name, "source")
            yield Need(MAIN, file.source, f"`secure_boot`: {name}", place, place)
    if spec.secure_boot and spec.secure_boot.enroll:
        place = spec.positions.of("secure_boot", "enroll")
        for name, optional in KEYS.items():
            # By file: private keys may lie beside these, and have no business in a build.
            path = posixpath.join(spec.secure_boot.enroll, f"{name}.auth")
            yield Need(MAIN, path, "`secure_boot`: enroll", place, place, optional=optional)


def _update_files(spec: Spec) -> Iterator[Need]:
    update = spec.update
    if update is None:
        return
    named: list[tuple[tuple[str | int, ...], str | None]] = [(("ca",), update.ca)]
    named += [(("trust", index), path) for index, path in enumerate(update.trust)]
    if update.signing_key:
        named.append((("key", "public"), update.signing_key.public))
    for name, path in named:
        if path is not None:
            place = spec.positions.of("update", *name)
            yield Need(MAIN, path, f"`update`: {name[0]}", place, place)


def origin_of_file(entry: CopiedFile) -> Origin:
    """Return where a copied file comes from."""
    if entry.image:
        return Origin("image", entry.image)
    if entry.git:
        return Origin("git", entry.git)
    return Origin("context", entry.context or "")


def origin_of_key(entry: KeyFile) -> Origin:
    """Return where a file with public keys comes from."""
    return Origin("context", entry.context or "")


def origin_of_mount(mount: BindMount | CacheMount) -> Origin:
    """Return the tree that is mounted."""
    return Origin("any", mount.origin) if mount.origin else MAIN
