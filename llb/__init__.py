"""BuildKit graphs (LLB) as immutable, typed values.

    base = llb.image("debian:trixie", platform=llb.Platform("linux", "amd64"))
    step = llb.execute(base, ["make"], mounts=[llb.Bind(target="/out", source=llb.scratch(), readonly=False)])
    definition = llb.marshal(step.mount("/out"))

Each kind of vertex has one file: its type, checks, encoding and documentation.
"""

from .actions import Action, Copy, Mkdir, Mkfile, Owner, Rm, Symlink
from .definition import from_definition, in_older_order
from .diff import diff
from .dump import dump
from .errors import LlbError
from .exec import ExecOptions, ExecResult, Proxy, execute
from .file import edit
from .git import git
from .http import http
from .image import image, oci_layout
from .lineage import image_below, image_name, versions
from .local import local
from .marshal import Definition, VertexInfo, marshal
from .merge import merge
from .mounts import Bind, Cache, Mount, Secret, SecretEnv, Ssh, Tmpfs
from .op import State, scratch
from .platform import Platform
from .reference import Reference
from .sourcemap import SourceFile, SourceRange
from .vertex import Part, ProgressGroup, VertexOptions

__all__ = [
    "Action",
    "Bind",
    "Cache",
    "Copy",
    "Definition",
    "ExecOptions",
    "ExecResult",
    "LlbError",
    "Mkdir",
    "Mkfile",
    "Mount",
    "Owner",
    "Part",
    "Platform",
    "ProgressGroup",
    "Proxy",
    "Reference",
    "Rm",
    "Secret",
    "SecretEnv",
    "SourceFile",
    "SourceRange",
    "Ssh",
    "State",
    "Symlink",
    "Tmpfs",
    "VertexInfo",
    "VertexOptions",
    "diff",
    "dump",
    "edit",
    "execute",
    "from_definition",
    "git",
    "http",
    "image",
    "image_below",
    "image_name",
    "in_older_order",
    "local",
    "marshal",
    "merge",
    "oci_layout",
    "scratch",
    "versions",
]
