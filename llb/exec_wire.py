"""The mounts of an exec on the wire, and the capabilities that an exec needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .mounts import Bind, Cache, Mount, Secret, Ssh, Tmpfs

if TYPE_CHECKING:
    from proto import ops_pb2

    from .exec import ExecOp
    from .op import Inputs


def encode_mounts(op: ExecOp, inputs: Inputs) -> Iterator[ops_pb2.Mount]:
    """Yield the root and the mounts. Inputs are numbered in this order, one for each distinct edge."""
    from proto import ops_pb2

    yield ops_pb2.Mount(input=inputs.share(op.root), dest="/", output=_output(op, "/"), readonly=op.readonly_root)
    for mount in op.mounts:
        yield _encode(op, mount, inputs)


def exec_caps(op: ExecOp) -> Iterator[str]:
    """Yield the capabilities for `op`, some of them several times."""
    yield from ("exec.meta.base", "exec.mount.bind")
    if all(key != "PATH" for key, _ in op.env):
        yield "exec.meta.setsdefaultpath"
    needs = {
        "exec.meta.network": op.network != "default",
        "exec.meta.proxyenv": op.proxy,
        "exec.meta.ulimit": op.ulimits,
        "exec.meta.cgroup.parent": op.cgroup_parent,
        "exec.secretenv": op.secret_env,
        "exec.validexitcode": op.valid_exit_codes,
    }
    yield from (cap for cap, used in needs.items() if used)
    for mount in op.mounts:
        yield from _mount_caps(mount)


def _mount_caps(mount: Mount) -> Iterator[str]:
    match mount:
        case Bind():
            if not mount.readonly and not mount.keep:
                yield "exec.mount.bind.readwrite-nooutput"
        case Cache():
            yield from ("exec.mount.cache", "exec.mount.cache.sharing")
        case Tmpfs():
            yield "exec.mount.tmpfs"
            if mount.size:
                yield "exec.mount.tmpfs.size"
        case Secret():
            yield "exec.mount.secret"
        case Ssh():
            yield "exec.mount.ssh"
    if isinstance(mount, Bind | Cache) and mount.selector:
        yield "exec.mount.selector"


def _encode(op: ExecOp, mount: Mount, inputs: Inputs) -> ops_pb2.Mount:
    from proto import ops_pb2

    result = ops_pb2.Mount(input=-1, dest=mount.target, output=_output(op, mount.target))
    match mount:
        case Bind():
            result.input = inputs.share(mount.source)
            result.selector = mount.selector
            result.readonly = mount.readonly
        case Cache():
            result.input = inputs.share(mount.source)
            result.selector = mount.selector
            result.mountType = ops_pb2.CACHE
            sharing = {"shared": ops_pb2.SHARED, "private": ops_pb2.PRIVATE, "locked": ops_pb2.LOCKED}
            result.cacheOpt.ID = mount.id
            result.cacheOpt.sharing = sharing[mount.sharing]
        case Tmpfs():
            result.mountType = ops_pb2.TMPFS
            result.TmpfsOpt.CopyFrom(ops_pb2.TmpfsOpt(size=mount.size))
        case Secret():
            result.mountType = ops_pb2.SECRET
            result.secretOpt.CopyFrom(
                ops_pb2.SecretOpt(ID=mount.id, uid=mount.uid, gid=mount.gid, mode=mount.mode, optional=mount.optional)
            )
        case Ssh():
            result.mountType = ops_pb2.SSH
            result.SSHOpt.CopyFrom(
                ops_pb2.SSHOpt(ID=mount.id, uid=mount.uid, gid=mount.gid, mode=mount.mode, optional=mount.optional)
            )
    return result


def _output(op: ExecOp, target: str) -> int:
    number = op.output(target)
    return -1 if number is None else number
