"""The `files` key: inline files, copies, downloads, directories and symbolic links."""

from __future__ import annotations

import posixpath

import llb
from frontend.options import DEFAULT_EPOCH
from imager.request import Request
from imager.requests.files import Directories, Links, Tree
from spec.files import CopiedFile, Directory, FetchedFile, FileEntry, InlineFile, Symlink
from spec.values.types import Owner

from . import places
from .inputs import PlanInputs
from .origins import origin_of_file
from .steps import SYSTEM, Step, edit_files, edit_system

# A checkout dates its files by the clock. A fixed date keeps the bytes the same without splitting the cache.
_FILE_TIME_NS = DEFAULT_EPOCH * 1_000_000_000
DOWNLOAD = "file"
"""The name of the file in a `download`."""
_TREE = "/tree"
_ROOT = llb.Owner(0, 0)
_NEW_FILE_BITS = 0o777
"""BuildKit's mkfile and mkdir drop the other bits without a word; its copy keeps them."""


def add_trees(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with the directories of `files` that have content.

    They come first: what is named by its own path is more specific than what a directory brings.
    """
    for path, entry in sorted(inputs.spec.files.items()):
        system = _add_tree(inputs, system, path, entry)
    return system


def add_files(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with all other files of the spec. Paths are handled in sorted order: parents come first."""
    spec = inputs.spec
    entries = sorted(spec.files.items())
    step = Step(f"[files] {_summary(inputs)}", places.location_of(spec, "files"), ("files",))
    actions = [action for path, entry in entries for action in _actions(inputs, path, entry)]
    if actions:
        system = edit_files(inputs, system, tuple(actions), step)
    directories = {path: entry for path, entry in entries if isinstance(entry, Directory)}
    if directories:
        make = Directories(system=SYSTEM, directory=directories, epoch=DEFAULT_EPOCH)
        system = _edit(inputs, system, make, "directories")
    links = {path: entry for path, entry in entries if isinstance(entry, Symlink)}
    if links:
        system = _edit(inputs, system, Links(system=SYSTEM, link=links), "symbolic links")
    return system


def _edit(inputs: PlanInputs, system: llb.State, request: Request, what: str) -> llb.State:
    """Do what file operations cannot do on every engine."""
    step = Step(f"[files] {what}", places.location_of(inputs.spec, "files"), ("files",))
    return edit_system(inputs, system, request, step)


def _summary(inputs: PlanInputs) -> str:
    paths = sorted(path for path, entry in inputs.spec.files.items() if not is_tree(inputs, entry))
    shown = " ".join(paths[:4])
    return shown if len(paths) <= 4 else f"{shown} and {len(paths) - 4} more"


def _actions(inputs: PlanInputs, path: str, entry: FileEntry) -> tuple[llb.Action, ...]:
    match entry:
        case InlineFile():
            return _inline(path, entry)
        case CopiedFile():
            if is_tree(inputs, entry):
                return ()
            source = inputs.sources[origin_of_file(entry)]
            copy = llb.Copy(
                source=source.state,
                src=source.place(entry.source),
                dest=path,
                mode=entry.mode,
                owner=_owner(entry.owner),
                follow_symlinks=True,
                timestamp_ns=_FILE_TIME_NS,
            )
            return (copy,)
        case FetchedFile(unpack=True):
            return ()
        case FetchedFile():
            return (_fetched(inputs, path, entry),)
        case Directory() | Symlink():
            return ()


def new_file(path: str, text: str, mode: int = 0o644, owner: llb.Owner = _ROOT) -> tuple[llb.Action, ...]:
    """Return what writes a file and makes the folders that it needs. `mode` has the nine permission bits."""
    parent = posixpath.dirname(path)
    new = llb.Mkfile(path, text.encode(), mode=mode, owner=owner, timestamp_ns=_FILE_TIME_NS)
    if parent == "/":
        return (new,)
    folders = llb.Mkdir(parent, mode=0o755, make_parents=True, owner=_ROOT, timestamp_ns=_FILE_TIME_NS)
    return (folders, new)


def _inline(path: str, entry: InlineFile) -> tuple[llb.Action, ...]:
    data, owner = entry.content.encode(), _owner(entry.owner)
    mode = 0o644 if entry.mode is None else entry.mode
    if mode <= _NEW_FILE_BITS:
        return new_file(path, entry.content, mode, owner)
    plain = llb.edit(llb.scratch(), llb.Mkfile("/file", data, timestamp_ns=_FILE_TIME_NS), name=f"[internal] {path}")
    copy = llb.Copy(source=plain, src="/file", dest=path, mode=mode, owner=owner, timestamp_ns=_FILE_TIME_NS)
    return (copy,)


def download(inputs: PlanInputs, path: str, entry: FetchedFile) -> llb.State:
    """Return a tree with the file `DOWNLOAD`."""
    place = places.location_of(inputs.spec, "files", path, "url")
    # The server's own name for it could be anything.
    name = f"[files] {entry.url}"
    return llb.http(entry.url, checksum=entry.checksum, filename=DOWNLOAD, name=name, location=place)


def _unpacked(inputs: PlanInputs, path: str, entry: FetchedFile) -> llb.State:
    """Return a tree with what is in the archive."""
    place = places.location_of(inputs.spec, "files", path, "url")
    unpack = llb.Copy(source=download(inputs, path, entry), src=f"/{DOWNLOAD}", dest="/", attempt_unpack=True)
    return llb.edit(llb.scratch(), unpack, name=f"[files] {entry.url}: unpack", location=place)


def _fetched(inputs: PlanInputs, path: str, entry: FetchedFile) -> llb.Copy:
    return llb.Copy(
        source=download(inputs, path, entry),
        src=f"/{DOWNLOAD}",
        dest=path,
        mode=0o644 if entry.mode is None else entry.mode,
        owner=_owner(entry.owner),
        timestamp_ns=_FILE_TIME_NS,
    )


def is_tree(inputs: PlanInputs, entry: FileEntry) -> bool:
    """Return whether an entry is a directory with its content."""
    match entry:
        case CopiedFile(source=source):
            return source in inputs.sources[origin_of_file(entry)].folders
        case FetchedFile(unpack=unpack):
            return unpack
        case _:
            return False


def _add_tree(inputs: PlanInputs, system: llb.State, path: str, entry: FileEntry) -> llb.State:
    """Return `system` with the content of a directory; as it is for any other entry."""
    match entry:
        case CopiedFile() if is_tree(inputs, entry):
            source = inputs.sources[origin_of_file(entry)]
            state, place = source.state, source.place(entry.source)
            wanted = Directory(mode=entry.mode, owner=entry.owner or Owner(user=0, group=0))
        case FetchedFile(unpack=True):
            state, place = _unpacked(inputs, path, entry), "/"
            wanted = Directory(mode=entry.mode, owner=entry.owner)
        case _:
            return system
    request = Tree(system=SYSTEM, source=_TREE, path=path, wanted=wanted, epoch=DEFAULT_EPOCH)
    step = Step(f"[files] {path}", places.location_of(inputs.spec, "files", path), ("files",))
    return edit_system(inputs, system, request, step, mounts=(_mount(state, place),))


def _mount(state: llb.State, place: str) -> llb.Bind:
    return llb.Bind(target=_TREE, source=state, selector="" if place == "/" else place)


def _owner(owner: Owner | None) -> llb.Owner:
    return _ROOT if owner is None else llb.Owner(owner.user, owner.group)


def wanted_files(inputs: PlanInputs) -> tuple[str, ...]:
    """Return the files of the spec that are not shipped unless somebody asks for them."""
    if not inputs.spec.files:
        return ()
    from imager.rootfs.identities import may_be_one

    return tuple(sorted(path for path in inputs.spec.files if may_be_one(path)))
