"""A `Client` without an engine: it has fixed files, records solves, and keeps the outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from frontend.gateway.client import CacheImport, Pong, Ref, ResolvedImage, Solved, Stat
from llb import Definition, Platform, SourceFile, SourceRange
from proto import ops_pb2, status_pb2

ALL_LLB_CAPS = frozenset(
    [
        "source.image",
        "source.image.resolvemode",
        "source.local",
        "source.local.sessionid",
        "source.local.followpaths",
        "source.local.excludepatterns",
        "source.local.includepatterns",
        "source.local.sharedkeyhint",
        "source.local.differ",
        "source.git",
        "source.git.fullurl",
        "source.git.subdir",
        "source.http",
        "source.git.mountsshsock",
        "source.git.knownsshhosts",
        "exec.secretenv",
        "exec.mount.bind.readwrite-nooutput",
        "source.http.checksum",
        "exec.meta.base",
        "exec.meta.network",
        "exec.meta.setsdefaultpath",
        "exec.meta.ulimit",
        "exec.meta.cgroup.parent",
        "exec.mount.bind",
        "exec.mount.cache",
        "exec.mount.cache.sharing",
        "exec.mount.selector",
        "exec.mount.tmpfs",
        "exec.mount.tmpfs.size",
        "exec.mount.secret",
        "exec.mount.ssh",
        "file.base",
        "file.rm.wildcard",
        "mergeop",
        "diffop",
        "constraints",
        "platform",
        "meta.ignorecache",
        "meta.description",
    ]
)


@dataclass
class FakeClient:
    """`files` are the content of every local source; `outputs` the content of a built state, by path.

    The id of a ref is the place of its graph in `solved`, whatever several threads ask for at a time.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    outputs: Mapping[str, bytes] = field(default_factory=dict)
    folders: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)
    """Links that lead nowhere, with their targets."""
    llb_caps: frozenset[str] = ALL_LLB_CAPS
    frontend_caps: frozenset[str] = frozenset({"frontend.inputs", "reference.attestations"})
    on_solve: Callable[[Definition], None] = lambda definition: None
    other_frontend: Definition | None = None
    """The result of any other frontend; None is the empty tree."""
    delegated: list[tuple[str, Mapping[str, str], Mapping[str, ops_pb2.Definition]]] = field(default_factory=list)
    solved: list[Definition] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)
    result: Solved | None = None
    error: status_pb2.Status | None = None

    def ping(self) -> Pong:
        return Pong(self.frontend_caps, self.llb_caps)

    def inputs(self) -> Mapping[str, ops_pb2.Definition]:
        return {}

    def solve(
        self, definition: Definition, *, evaluate: bool = False, cache_imports: tuple[CacheImport, ...] = ()
    ) -> Solved:
        self.solved.append(definition)
        self.on_solve(definition)
        return Solved(ref=Ref(str(self.solved.index(definition))))

    def solve_frontend(
        self,
        frontend: str,
        options: Mapping[str, str],
        inputs: Mapping[str, ops_pb2.Definition],
        *,
        cache_imports: tuple[CacheImport, ...] = (),
    ) -> Solved:
        self.delegated.append((frontend, options, inputs))
        definition = self.other_frontend.to_pb() if self.other_frontend else None
        return Solved(ref=Ref("other", definition), metadata={"containerimage.config": b'{"config":{"Env":["A=b"]}}'})

    def read_file(self, ref: Ref, path: str) -> bytes:
        return {**self.files, **self.outputs}[path]

    def stat_file(self, ref: Ref, path: str) -> Stat | None:
        if path in self.folders:
            return Stat(path, 1 << 31 | 0o755, 0)
        found = {**self.files, **self.outputs}.get(path)
        return None if found is None else Stat(path, 0o644, len(found))

    def list_directory(self, ref: Ref, path: str) -> Mapping[str, str]:
        names = {*self.files, *self.outputs, *self.folders, *self.links}
        found = sorted(name for name in names if name.rpartition("/")[0] == path.strip("/"))
        return {name.rpartition("/")[2]: self.links.get(name, "") for name in found}

    def resolve_image(self, ref: str, platform: Platform, *, mode: str, log_name: str) -> ResolvedImage:
        return ResolvedImage(ref, "sha256:" + "1" * 64, b'{"config": {"Env": ["PATH=/bin"]}}')

    def warn(
        self,
        digest: str,
        message: str,
        detail: tuple[str, ...] = (),
        *,
        url: str = "",
        source: SourceFile | None = None,
        place: SourceRange | None = None,
    ) -> None:
        self.warned.append(message)

    def return_result(self, solved: Solved) -> None:
        assert self.result is None, "the outcome is reported only once"
        assert self.error is None, "the outcome is reported only once"
        self.result = solved

    def return_error(self, status: status_pb2.Status) -> None:
        assert self.result is None, "the outcome is reported only once"
        assert self.error is None, "the outcome is reported only once"
        self.error = status
