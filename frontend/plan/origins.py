"""What the spec takes from elsewhere: where from, which path, and which value of the build file says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import llb
from spec.accounts import KeyFile
from spec.document import Spec
from spec.files import CopiedFile
from spec.packages import CopiedKey, CopiedText
from spec.values.run_mounts import BindMount, CacheMount
from spec.values.words import is_package_file

from . import places


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A tree that is not the system's: `kind` is context (the main one has no name), image or git.

    The kind `any` is what `from=` of a mount names: a build context or, where there is none, an image.
    """

    kind: str = "context"
    name: str = ""


MAIN = Origin()
"""The main build context."""


@dataclass(frozen=True, slots=True)
class Need:
    """One path of an origin. `key` begins a message, `at` is the value that names the path, `origin_at` the origin."""

    origin: Origin
    path: str
    key: str
    at: llb.SourceRange
    origin_at: llb.SourceRange


def needs(spec: Spec) -> Iterator[Need]:
    """Yield everything that must be there before the system can be planned."""
    for path, entry in spec.files.items():
        if isinstance(entry, CopiedFile):
            origin = origin_of_file(entry)
            at = places.at(spec, "files", path, "source")
            origin_at = places.at(spec, "files", path, origin.kind)
            yield Need(origin, entry.source, f"files: {path}", at, origin_at)
    for index, repository in enumerate(spec.repositories):
        if isinstance(repository.public_key, CopiedKey):
            at = places.at(spec, "repositories", index, "key", "source")
            yield Need(MAIN, repository.public_key.source, "repositories: key", at, at)
    yield from _package_files(spec)
    yield from _key_files(spec)
    for index, step in enumerate(spec.run):
        for number, mount in enumerate(step.mounts):
            if isinstance(mount, BindMount) or (isinstance(mount, CacheMount) and mount.origin):
                at = places.at(spec, "run", index, "mounts", number)
                yield Need(origin_of_mount(mount), mount.source, f"run: mount at {mount.target}", at, at)


def _package_files(spec: Spec) -> Iterator[Need]:
    for name in ("answers", "ca"):
        text = getattr(spec.package_manager, name)
        if isinstance(text, CopiedText):
            at = places.at(spec, "package_manager", name, "source")
            yield Need(MAIN, text.source, f"package_manager: {name}", at, at)
    for index, package in enumerate(spec.packages):
        if is_package_file(package):
            at = places.at(spec, "packages", index)
            yield Need(MAIN, package.removeprefix("./"), "packages", at, at)


def _key_files(spec: Spec) -> Iterator[Need]:
    for index, user in enumerate(spec.users):
        for number, each in enumerate(user.ssh_authorized_keys):
            if isinstance(each, KeyFile):
                path = ("users", index, "ssh_authorized_keys", number)
                at, origin_at = places.at(spec, *path, "source"), places.at(spec, *path, "context")
                yield Need(origin_of_key(each), each.source, f"users: {user.name}", at, origin_at)


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
    """Return what is mounted."""
    return Origin("any", mount.origin) if mount.origin else MAIN
