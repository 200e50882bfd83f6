"""The build contexts: the main one, the named ones, and the build file itself.

Search order and source attributes follow BuildKit's frontend/dockerui/context.go and namedcontext.go, so that the
engine does not transfer again what it transferred for `# syntax=`.
"""

from __future__ import annotations

import base64
import binascii
import json
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import llb
from spec.values.wording import code, quote

from . import documents
from .errors import AnswerError, UserError
from .image_config import read_config

if TYPE_CHECKING:
    from frontend.gateway.client import Client, Ref
    from proto import ops_pb2

    from .options import BuildOptions

_METADATA = {"containerimage.config?": (str, documents.NONE)}
REMOTE_FILE = "context"
"""How the engine calls the download of the main context."""
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")
_TAR_AT = 257
"""Where a tar archive says that it is one."""
_SINCE_0_17 = "exec.validexitcode"
"""A capability that came with BuildKit 0.17."""
BUILD_FILE_LIMIT = 1 << 20
"""The most bytes of a build file. Larger ones are refused before they are read."""


@dataclass(frozen=True, slots=True)
class BuildFile:
    """The build file, the vertex that it came from (warnings are attached to it), and the ignore patterns.

    `is_context`: the URL of the build context is that of the build file.
    """

    source: llb.SourceFile
    vertex: str
    ignore: tuple[str, ...]
    is_context: bool = False


@dataclass(frozen=True, slots=True)
class NamedContext:
    """A `--build-context NAME=VALUE`. `kind` is image, oci-layout, local, git, http or input."""

    name: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Contexts:
    """The contexts of this request, from which files can be taken.

    `caps` are the capabilities of the engine. `is_file`: the main context is the build file only, not an archive.
    """

    options: BuildOptions
    inputs: Mapping[str, ops_pb2.Definition] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    caps: frozenset[str] = frozenset()
    is_file: bool = False

    @property
    def is_remote(self) -> bool:
        """Whether the main build context is a URL, not a directory of the client."""
        return bool(_remote_context(self.options))

    def main(self, paths: tuple[str, ...]) -> llb.State:
        """Return the main build context, with at least `paths` in it."""
        remote = _remote_context(self.options)
        if remote:
            return self.remote_file() if self.is_file else self._remote_main(remote)
        if "context" in self.inputs:
            return foreign(self.inputs["context"], "the build context")
        return self._local("context", paths, ignore=self.ignore, name="[internal] load build context")

    def remote_file(self) -> llb.State:
        """Return the download of the main context, with the name `REMOTE_FILE`.

        It is the vertex in which the engine looked for `# syntax=`: a context on standard input is sent only once.
        """
        name = f"[internal] load remote build context {(url := _remote_context(self.options))}"
        state = llb.http(url.partition("#")[0], filename=REMOTE_FILE, name=name)
        return state if _SINCE_0_17 in self.caps else llb.in_older_order(state)

    def _remote_main(self, url: str) -> llb.State:
        name = f"[internal] load remote build context {url}"
        return _remote_state(url, name=name) if is_git(url) else _unpacked(self.remote_file(), name)

    def named(self, name: str) -> NamedContext | None:
        """Return the named context `name`, or None if there is no such context."""
        raw = self.options.raw
        for platform in (*self.options.platforms, None):
            key = f"context:{name}::{platform}" if platform else f"context:{name}"
            if key in raw:
                return _parse_named(name, raw[key])
        return None

    def names(self) -> tuple[str, ...]:
        """Return the names of all named contexts, for suggestions."""
        keys = (key for key in self.options.raw if key.startswith("context:"))
        return tuple(sorted({key.removeprefix("context:").partition("::")[0] for key in keys}))

    def named_state(self, context: NamedContext, paths: tuple[str, ...] = ()) -> llb.State:
        """Return the tree of a named context, with at least `paths` in it."""
        label = f"[context {context.name}]"
        match context.kind:
            case "local":
                return self._local(context.value, paths, ignore=(), name=f"{label} load from client")
            case "input":
                if context.value not in self.inputs:
                    raise UserError(f"build context {code(context.name)}: the engine has no input {context.value}")
                return foreign(self.inputs[context.value], f"build context {code(context.name)}")
            case "git" | "http":
                return _remote_state(context.value, name=f"{label} {context.value}")
            case "image":
                mode, platform = self.options.resolve_mode, self.options.platforms[0]
                return llb.image(context.value, platform=platform, resolve_mode=mode, name=f"{label} {context.value}")
            case _:
                raise UserError(
                    f"build context {code(context.name)} is an OCI layout, which is not supported yet: load it as an "
                    f"image, and pass --build-context {context.name}=docker-image://NAME"
                )

    def input_config(self, context: NamedContext) -> Mapping[str, object]:
        """Return the image config that bake sends with a linked target; empty if there is none."""
        written = self.options.raw.get(f"input-metadata:{context.value}", "{}")
        what = f"what it says of the build context {code(context.name)}"
        config = documents.read(written.encode(), what, _METADATA).get("containerimage.config")
        try:
            return read_config(base64.b64decode(config), context.value) if config else {}
        except binascii.Error:
            raise AnswerError(f"{what} is not base64") from None

    def _local(self, local: str, paths: tuple[str, ...], *, ignore: tuple[str, ...], name: str) -> llb.State:
        raw = self.options.raw
        # BuildKit compares a transfer with the last one that had the same hint: so one hint for each set of paths.
        hint = f"{local}:{json.dumps(sorted(set(paths)), separators=(',', ':'))}"
        return llb.local(
            local,
            session_id=raw.get(f"local-sessionid:{local}") or self.options.session_id,
            follow_paths=tuple(sorted(set(paths))),
            exclude_patterns=ignore,
            shared_key_hint=hint,
            name=name,
        )


def foreign(graph: ops_pb2.Definition, what: str) -> llb.State:
    """Return the tree of a graph that BuildKit gives. Raises `AnswerError`, which names `what` it is."""
    try:
        return llb.from_definition(graph)
    except llb.LlbError as error:
        raise AnswerError(f"{what}: {error}") from None


def read_build_file(client: Client, contexts: Contexts) -> BuildFile:
    """Fetch the build file and the ignore patterns. Raises `UserError` if the file is missing or far too large."""
    options = contexts.options
    if (url := _remote_context(options)) and not is_git(url) and (alone := _downloaded_file(client, contexts, url)):
        return alone
    filename = options.filename
    ignore_name = f"{filename}.dockerignore"
    state = _build_file_state(contexts, (filename, ignore_name))
    definition = llb.marshal(state)
    ref = client.solve(definition).ref
    if ref is None:
        raise UserError(f"{filename}: the engine returned no file")
    found = client.stat_file(ref, filename)
    if found is None:
        raise UserError(f"{filename}: no such file: name the build file with -f FILE")
    if found.is_dir:
        raise UserError(f"{filename} is a directory: name the build file with -f FILE")
    if not found.is_file:
        raise UserError(f"{filename} is not a regular file: name the build file with -f FILE")
    if found.size > BUILD_FILE_LIMIT:
        raise UserError(
            f"{filename}: a build file can have at most {BUILD_FILE_LIMIT:,} bytes; got {found.size:,}: "
            "put large content into files of the build context"
        )
    source = llb.SourceFile(filename=filename, data=client.read_file(ref, filename), language="YAML")
    ignore = _read_ignore(client, ref, ignore_name)
    if ignore is None:
        ignore = _context_ignore(client, contexts)
    return BuildFile(source, definition.digest_of(state), ignore)


def read_context_file(client: Client, contexts: Contexts, path: str) -> bytes | None:
    """Return the content of a file of the main build context, or None if there is none. Raises `UserError`."""
    ref = client.solve(llb.marshal(contexts.main((path,)))).ref
    found = client.stat_file(ref, path) if ref is not None and ref.id else None
    if ref is None or found is None or not found.is_file:
        return None
    if found.size > BUILD_FILE_LIMIT:
        raise UserError(f"{path}: an included file can have at most {BUILD_FILE_LIMIT:,} bytes; got {found.size:,}")
    return client.read_file(ref, path)


def parse_ignore(data: bytes) -> tuple[str, ...]:
    """Return the patterns of a .dockerignore in order, normalized as Docker does (moby/patternmatcher)."""
    patterns = []
    for line in data.decode("utf-8-sig", "replace").split("\n"):
        pattern = line.strip()
        if not pattern or line.startswith("#"):
            continue
        negated = pattern.startswith("!")
        pattern = pattern.removeprefix("!").strip()
        if pattern:
            pattern = posixpath.normpath(pattern).lstrip("/") or "."
        patterns.append(f"!{pattern}" if negated else pattern)
    return tuple(patterns)


def _build_file_state(contexts: Contexts, paths: tuple[str, ...]) -> llb.State:
    options = contexts.options
    key = options.raw.get("dockerfilekey", "")
    if not key and "dockerfile" in contexts.inputs:
        return foreign(contexts.inputs["dockerfile"], "the build file")
    remote = _remote_context(options)
    if not key and remote:
        return contexts.main(())
    local = key or "dockerfile"
    # BuildKit's own Dockerfile frontend asked for the same paths to find `# syntax=`.
    also = (options.filename.lower(),) if options.filename == "Dockerfile" else ()
    return llb.local(
        local,
        session_id=options.raw.get(f"local-sessionid:{local}") or options.session_id,
        follow_paths=(*paths, *also),
        shared_key_hint=local,
        differ="none",
        name=f"[internal] load build definition from {options.filename}",
    )


def _context_ignore(client: Client, contexts: Contexts) -> tuple[str, ...]:
    options = contexts.options
    if _remote_context(options) or "context" in contexts.inputs:
        return ()
    state = llb.local(
        "context",
        session_id=options.raw.get("local-sessionid:context") or options.session_id,
        follow_paths=(".dockerignore",),
        shared_key_hint="context-.dockerignore",
        differ="none",
        name="[internal] load .dockerignore",
    )
    ref = client.solve(llb.marshal(state)).ref
    return (_read_ignore(client, ref, ".dockerignore") if ref is not None else None) or ()


def _read_ignore(client: Client, ref: Ref, name: str) -> tuple[str, ...] | None:
    """Return the patterns in a file; None if there is none. Raises `UserError` for one that is far too large."""
    found = client.stat_file(ref, name)
    if found is None:
        return None
    if not found.is_file:
        raise UserError(f"{name} is not a regular file: remove it, or write patterns into a file of this name")
    data = client.read_file(ref, name) if found.size <= BUILD_FILE_LIMIT else b""
    size = max(found.size, len(data))
    if size > BUILD_FILE_LIMIT:
        raise UserError(f"{name} can have at most {BUILD_FILE_LIMIT:,} bytes; got {size:,}: use patterns, not paths")
    return parse_ignore(data)


def _remote_context(options: BuildOptions) -> str:
    """Return the URL of the main context; empty if it is a directory of the client."""
    return options.raw.get(options.raw.get("contextkey") or "context", "")


def _remote_state(url: str, *, name: str) -> llb.State:
    address, _, fragment = url.partition("#")
    if is_git(url):
        ref, _, subdir = fragment.partition(":")
        return llb.git(address, ref=ref, subdir=subdir, name=name)
    return _unpacked(llb.http(address, filename=REMOTE_FILE, name=name), name)


def _unpacked(archive: llb.State, name: str) -> llb.State:
    unpack = llb.Copy(source=archive, src=f"/{REMOTE_FILE}", dest="/", attempt_unpack=True)
    return llb.edit(llb.scratch(), unpack, name=f"{name}: unpack")


def _downloaded_file(client: Client, contexts: Contexts, url: str) -> BuildFile | None:
    """Return the build file if the URL of the main context is its own; None for that of an archive."""
    state = contexts.remote_file()
    definition = llb.marshal(state)
    ref = client.solve(definition).ref
    found = client.stat_file(ref, REMOTE_FILE) if ref is not None else None
    if ref is None or found is None or found.size > BUILD_FILE_LIMIT:
        return None
    data = client.read_file(ref, REMOTE_FILE)
    if data.startswith(_COMPRESSED) or data[_TAR_AT:].startswith(b"ustar"):
        return None
    name = posixpath.basename(urlsplit(url).path)
    source = llb.SourceFile(filename=name, data=data, language="YAML")
    return BuildFile(source, definition.digest_of(state), (), is_context=True)


def is_git(url: str) -> bool:
    """Return whether a context URL is that of a git repository (BuildKit frontend/dockerui/context.go)."""
    if url.startswith(("git://", "ssh://", "git@")):
        return True
    return url.startswith(("http://", "https://")) and url.partition("#")[0].endswith(".git")


def _parse_named(name: str, value: str) -> NamedContext:
    scheme, colon, rest = value.partition(":")
    match scheme:
        case "docker-image":
            return NamedContext(name, "image", rest.removeprefix("//"))
        case "oci-layout":
            return NamedContext(name, "oci-layout", rest.removeprefix("//"))
        case "local" | "input":
            return NamedContext(name, scheme, rest)
        case _:
            pass
    if is_git(value):
        return NamedContext(name, "git", value)
    if colon and scheme in ("http", "https"):
        return NamedContext(name, "http", value)
    raise UserError(f"build context {code(name)} must be a directory, an image or a URL; got {quote(value)}")
