"""The half of gRPC and protobuf that we import is enough to talk, and nobody else misses the other half."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from frontend.__main__ import programs
from frontend.gateway import lean
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


def test_what_else_is_asked_of_a_stand_in_is_the_real_one() -> None:
    assert lean.light_inspect().signature is inspect.signature
    with pytest.raises(AttributeError):
        _ = lean.light_inspect().nothing


TAKEN = """
import os, sys
from frontend.gateway.transport import take_stdio
reader, writer = take_stdio()
assert sys.stdin.read() == ""
print("stray", flush=True)
os.write(writer, b"got " + os.read(reader, 5))
"""


def test_the_stream_is_taken_from_those_who_print() -> None:
    argv = [sys.executable, "-c", TAKEN]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, input="hello", text=True)
    assert (done.stdout, done.stderr) == ("got hello", "stray\n")


@pytest.mark.parametrize(
    ("argv", "usage"),
    [(["build-image", "-h"], "build-image"), (["keys", "-h"], "keys"), (["-h"], "claylinux/frontend [-h]")],
)
def test_programs_of_the_image(argv: list[str], usage: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        programs(argv)
    assert caught.value.code == 0
    assert usage in capsys.readouterr().out.partition("\n")[0]
