"""The actions of a FileOp: copy, mkdir, mkfile, rm, symlink."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import checks
from .errors import LlbError
from .op import State

if TYPE_CHECKING:
    from proto import ops_pb2

_NEW_FILE_BITS = 0o777
_ALL_BITS = 0o7777


@dataclass(frozen=True, slots=True)
class Owner:
    """User and group, each a number or a name from the tree's own /etc/passwd and /etc/group.

    Without `group`, the user's number is also the group's number.
    """

    user: int | str
    group: int | str | None = None

    def __post_init__(self) -> None:
        for value in (self.user, self.group):
            if isinstance(value, int):
                checks.identifier("the owner's number", value)
            elif value is not None and not checks.text("the owner's name", value):
                raise LlbError("the owner's name is empty")


@dataclass(frozen=True, slots=True)
class Copy:
    """Copy `src` from the tree `source` to `dest`.

    If `dest` ends with `/`, `src` is copied into that directory. `dir_contents` copies the entries of the directory
    `src` instead of the directory itself. `mode` is permission bits or chmod's text (`u+x`). Without `mode`, `owner`
    or `timestamp_ns`, the copy keeps the value of the source. `allow_wildcard` expands `src` like Go's path.Match.
    `attempt_unpack` unpacks archives. `replace_existing` replaces an existing file of another type.
    """

    source: State = field(repr=False)
    src: str
    dest: str
    mode: int | str | None = None
    owner: Owner | None = None
    create_dest_path: bool = True
    dir_contents: bool = False
    follow_symlinks: bool = False
    allow_wildcard: bool = False
    allow_empty_wildcard: bool = False
    attempt_unpack: bool = False
    replace_existing: bool = False
    include_patterns: tuple[str, ...] = ()
    exclude_patterns: tuple[str, ...] = ()
    required_paths: tuple[str, ...] = ()
    timestamp_ns: int | None = None

    def __post_init__(self) -> None:
        if self.source.is_scratch:
            raise LlbError(f"cannot copy to {self.dest}: the source is the empty tree")
        checks.absolute("the source of a copy", self.src)
        checks.absolute("the destination of a copy", self.dest)
        checks.timestamp(self.timestamp_ns)
        if isinstance(self.mode, int):
            checks.mode(f"the mode of {self.dest}", self.mode, _ALL_BITS)
        for pattern in (*self.include_patterns, *self.exclude_patterns, *self.required_paths):
            checks.text("a pattern", pattern)


@dataclass(frozen=True, slots=True)
class Mkdir:
    """Make a directory; an existing one stays as it is. `mode` has the nine permission bits."""

    path: str
    mode: int = 0o755
    make_parents: bool = True
    owner: Owner | None = None
    timestamp_ns: int | None = None

    def __post_init__(self) -> None:
        _check_new(self.path, self.mode, self.timestamp_ns)


@dataclass(frozen=True, slots=True)
class Mkfile:
    """Write a file into an existing directory. `mode` has the nine permission bits."""

    path: str
    data: bytes
    mode: int = 0o644
    owner: Owner | None = None
    timestamp_ns: int | None = None

    def __post_init__(self) -> None:
        _check_new(self.path, self.mode, self.timestamp_ns)
        _below_root(self.path)


@dataclass(frozen=True, slots=True)
class Rm:
    """Remove a file or a whole directory. `allow_wildcard` expands `path` like Go's path.Match."""

    path: str
    allow_not_found: bool = False
    allow_wildcard: bool = False

    def __post_init__(self) -> None:
        _below_root(self.path)


@dataclass(frozen=True, slots=True)
class Symlink:
    """Make a symbolic link at `path` with the text `target`. Needs an engine with BuildKit 0.19 or later."""

    target: str
    path: str
    owner: Owner | None = None
    timestamp_ns: int | None = None

    def __post_init__(self) -> None:
        _below_root(self.path)
        checks.timestamp(self.timestamp_ns)
        if not checks.text("the target of a link", self.target):
            raise LlbError(f"the target of the link {self.path} is empty")


Action = Copy | Mkdir | Mkfile | Rm | Symlink


def action_caps(action: Action) -> frozenset[str]:
    """Return the capabilities that `action` needs besides `file.base`."""
    match action:
        case Copy():
            needs = {
                "file.copy.includeexcludepatterns": action.include_patterns or action.exclude_patterns,
                "file.copy.alwaysreplaceexistingdestpaths": action.replace_existing,
                "file.copy.modestring": isinstance(action.mode, str),
                "file.copy.requiredpaths": action.required_paths,
            }
            return frozenset(cap for cap, used in needs.items() if used)
        case Rm():
            return frozenset({"file.rm.wildcard"} if action.allow_wildcard else ())
        case Symlink():
            return frozenset({"file.symlink.create"})
        case _:
            return frozenset()


def encode_action(action: Action, message: ops_pb2.FileAction) -> None:
    """Fill in the action's part of `message`; `message.input` must already be set."""
    match action:
        case Copy():
            _encode_copy(action, message.copy)
        case Mkdir():
            message.mkdir.path = checks.absolute("the path of a directory", action.path)
            message.mkdir.mode = action.mode
            message.mkdir.makeParents = action.make_parents
            message.mkdir.timestamp = checks.timestamp(action.timestamp_ns)
        case Mkfile():
            message.mkfile.path = checks.absolute("the path of a file", action.path)
            message.mkfile.mode = action.mode
            message.mkfile.data = action.data
            message.mkfile.timestamp = checks.timestamp(action.timestamp_ns)
        case Rm():
            message.rm.path = checks.absolute("the path to remove", action.path)
            message.rm.allowNotFound = action.allow_not_found
            message.rm.allowWildcard = action.allow_wildcard
        case Symlink():
            message.symlink.oldpath = action.target
            message.symlink.newpath = checks.absolute("the path of a link", action.path)
            message.symlink.timestamp = checks.timestamp(action.timestamp_ns)
    owner = None if isinstance(action, Rm) else action.owner
    if owner:
        _encode_owner(owner, message)


def _encode_copy(action: Copy, message: ops_pb2.FileActionCopy) -> None:
    message.src = checks.absolute("the source of a copy", action.src)
    message.dest = checks.absolute("the destination of a copy", action.dest, keep_slash=True)
    message.mode = action.mode if isinstance(action.mode, int) else -1
    message.modeStr = action.mode if isinstance(action.mode, str) else ""
    message.followSymlink = action.follow_symlinks
    message.dirCopyContents = action.dir_contents
    message.attemptUnpackDockerCompatibility = action.attempt_unpack
    message.createDestPath = action.create_dest_path
    message.allowWildcard = action.allow_wildcard
    message.allowEmptyWildcard = action.allow_empty_wildcard
    message.alwaysReplaceExistingDestPaths = action.replace_existing
    message.include_patterns.extend(action.include_patterns)
    message.exclude_patterns.extend(action.exclude_patterns)
    message.required_paths.extend(action.required_paths)
    message.timestamp = checks.timestamp(action.timestamp_ns)


def _encode_owner(owner: Owner, message: ops_pb2.FileAction) -> None:
    from proto import ops_pb2

    result = ops_pb2.ChownOpt()
    for option, value in ((result.user, owner.user), (result.group, owner.group)):
        if isinstance(value, int):
            option.byID = value
        elif value is not None:
            # BuildKit looks the names up in the tree that the action changes.
            option.byName.name = value
            option.byName.input = message.input
    kind = message.WhichOneof("action")
    getattr(message, kind or "").owner.CopyFrom(result)


def _check_new(path: str, mode: int, timestamp_ns: int | None) -> None:
    checks.absolute("the path of a new file", path)
    # BuildKit silently drops the other bits.
    checks.mode(f"the mode of {path}", mode, _NEW_FILE_BITS)
    checks.timestamp(timestamp_ns)


def _below_root(path: str) -> None:
    if checks.absolute("the path of a file", path) == "/":
        raise LlbError("a file action cannot create or remove the root directory: name a path below /")
