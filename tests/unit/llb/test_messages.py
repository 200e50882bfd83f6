"""The wire messages: numbers, drift of the generated modules, life beside other protobuf users."""

from __future__ import annotations

import importlib.util
from importlib.machinery import SourceFileLoader
from types import ModuleType

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

from proto import errdefs_pb2, gateway_pb2, ops_pb2, stat_pb2, status_pb2, worker_pb2
from tests.support.places import ROOT

_TOOL = ROOT / "tools" / "gen-proto"

NUMBERS = {
    ops_pb2.Op: "inputs=1 exec=2 source=3 file=4 build=5 merge=6 diff=7 passthrough=8 platform=10 constraints=11",
    ops_pb2.Platform: "Architecture=1 OS=2 Variant=3 OSVersion=4 OSFeatures=5",
    ops_pb2.ExecOp: "meta=1 mounts=2 network=3 security=4 secretenv=5 cdiDevices=6",
    ops_pb2.Meta: "args=1 env=2 cwd=3 user=4 proxy_env=5 extraHosts=6 hostname=7 ulimit=9 cgroupParent=10"
    " removeMountStubsRecursive=11 validExitCodes=12",
    ops_pb2.Mount: "input=1 selector=2 dest=3 output=4 readonly=5 mountType=6 TmpfsOpt=19 cacheOpt=20 secretOpt=21"
    " SSHOpt=22 resultID=23 contentCache=24",
    ops_pb2.FileAction: "input=1 secondaryInput=2 output=3 copy=4 mkfile=5 mkdir=6 rm=7 symlink=8",
    ops_pb2.FileActionCopy: "src=1 dest=2 owner=3 mode=4 followSymlink=5 dirCopyContents=6"
    " attemptUnpackDockerCompatibility=7 createDestPath=8 allowWildcard=9 allowEmptyWildcard=10 timestamp=11"
    " include_patterns=12 exclude_patterns=13 alwaysReplaceExistingDestPaths=14 modeStr=15 required_paths=16",
    ops_pb2.FileActionMkFile: "path=1 mode=2 data=3 owner=4 timestamp=5",
    ops_pb2.FileActionMkDir: "path=1 mode=2 makeParents=3 owner=4 timestamp=5",
    ops_pb2.FileActionSymlink: "oldpath=1 newpath=2 owner=3 timestamp=4",
    ops_pb2.OpMetadata: "ignore_cache=1 description=2 export_cache=4 caps=5 progress_group=6 linux_resources=7",
    ops_pb2.Definition: "def=1 metadata=2 Source=3",
    ops_pb2.SourceInfo: "filename=1 data=2 definition=3 language=4",
    gateway_pb2.SolveRequest: "Definition=1 Frontend=2 FrontendOpt=3 allowResultReturn=5 allowResultArrayRef=6"
    " CacheImports=12 FrontendInputs=13 Evaluate=14",
    gateway_pb2.Result: "refDeprecated=1 refsDeprecated=2 ref=3 refs=4 metadata=10 attestations=12",
    gateway_pb2.ResolveImageConfigRequest: "Ref=1 Platform=2 ResolveMode=3 LogName=4 ResolverType=5 SessionID=6"
    " StoreID=7",
    gateway_pb2.ResolveSourceMetaRequest: "Source=1 Platform=2 LogName=3 ResolveMode=4 Git=5 Image=6",
    gateway_pb2.WarnRequest: "digest=1 level=2 short=3 detail=4 url=5 info=6 ranges=7",
    gateway_pb2.ReturnRequest: "result=1 error=2",
    gateway_pb2.PongResponse: "FrontendAPICaps=1 LLBCaps=2 Workers=3",
    worker_pb2.WorkerRecord: "ID=1 Labels=2 platforms=3 BuildkitVersion=5",
    stat_pb2.Stat: "path=1 mode=2 uid=3 gid=4 size=5 modTime=6 linkname=7 devmajor=8 devminor=9 xattrs=10",
    status_pb2.Status: "code=1 message=2 details=3",
    errdefs_pb2.Source: "info=1 ranges=2",
}


@pytest.mark.parametrize("message", NUMBERS, ids=lambda message: message.DESCRIPTOR.full_name)
def test_fields_have_buildkits_names_and_numbers(message: type) -> None:
    fields = message.DESCRIPTOR.fields  # type: ignore[attr-defined]
    assert " ".join(f"{field.name}={field.number}" for field in fields) == NUMBERS[message]


@pytest.mark.parametrize(
    ("module", "package"),
    [
        (ops_pb2, "pb"),
        (gateway_pb2, "moby.buildkit.v1.frontend"),
        (worker_pb2, "moby.buildkit.v1.types"),
        (stat_pb2, "fsutil.types"),
    ],
)
def test_packages_are_buildkits(module: ModuleType, package: str) -> None:
    assert module.DESCRIPTOR.package == package


def test_minus_one_takes_ten_bytes_as_in_go() -> None:
    assert ops_pb2.Mount(input=-1).SerializeToString() == b"\x08" + b"\xff" * 9 + b"\x01"
    assert ops_pb2.FileActionCopy(mode=-1).SerializeToString() == b"\x20" + b"\xff" * 9 + b"\x01"


def test_fields_we_do_not_know_travel_along() -> None:
    unknown = b"\xfa\x07\x03new"  # field 127
    assert gateway_pb2.SolveRequest.FromString(unknown).SerializeToString() == unknown


def test_another_google_rpc_status_may_be_in_the_process() -> None:
    file = descriptor_pb2.FileDescriptorProto(name="google/rpc/status.proto", package="google.rpc")
    file.message_type.add(name="Status")
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    assert pool.FindMessageTypeByName("google.rpc.Status").file.name == "google/rpc/status.proto"


def test_generated_modules_are_up_to_date() -> None:
    loader = SourceFileLoader("gen_proto", str(_TOOL))
    spec = importlib.util.spec_from_loader("gen_proto", loader)
    assert spec is not None
    tool = importlib.util.module_from_spec(spec)
    loader.exec_module(tool)
    assert tool.drift() == [], "run tools/gen-proto"
