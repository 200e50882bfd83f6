"""The half of gRPC and protobuf that we import is enough to talk, and nobody else misses the other half."""

from __future__ import annotations

import subprocess
import sys

from tests.support.places import ROOT

PROGRAM = """
import sys
from frontend.gateway import lean
lean.load()
assert not {"ssl", "asyncio", *lean.UNUSED} & set(sys.modules)
from google.protobuf.internal import api_implementation
from google.protobuf.timestamp_pb2 import Timestamp
import grpc
from proto import gateway_pb2 as pb
assert api_implementation.Type() == "upb"
assert pb.PingRequest.FromString(pb.PingRequest().SerializeToString()) == pb.PingRequest()
assert Timestamp(seconds=3).ToJsonString() == "1970-01-01T00:00:03Z"
channel = grpc.insecure_channel("unix:/nowhere")
try:
    channel.unary_unary("/no/service", pb.PingRequest.SerializeToString, pb.PongResponse.FromString)(pb.PingRequest())
except grpc.RpcError as error:
    assert error.code() is grpc.StatusCode.UNAVAILABLE, error
import asyncio
asyncio.run(asyncio.sleep(0))
print("done")
"""


def test_half_of_the_libraries_is_enough() -> None:
    argv = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("done\n", "")


LATER = """
import sys
from frontend import precompiled
precompiled.use()
from frontend.gateway import lean
lean.load()
assert not {"inspect", "_hashlib"} & set(sys.modules)
import dataclasses, hashlib, spec.document
@dataclasses.dataclass
class Undocumented:
    number: int = 3
assert Undocumented.__doc__.startswith("Undocumented(number: ")
assert [each.name for each in dataclasses.fields(Undocumented)] == ["number"]
import inspect
assert inspect.isclass(Undocumented)
print(hashlib.sha256(b"").hexdigest())
"""


def test_what_is_asked_for_later_is_real() -> None:
    done = subprocess.run([sys.executable, "-c", LATER], cwd=ROOT, check=False, capture_output=True, text=True)
    assert (done.stdout[:8], done.stderr) == ("e3b0c442", "")
