"""Import gRPC and protobuf without the halves that we never call: a third of the time until the first call.

grpcio imports its asyncio API, and with it asyncio and ssl. protobuf imports its implementation in Python beside the
one in C. While they are imported, empty modules stand in for these. Neither library looks into them before it is
asked to work that way.
"""

from __future__ import annotations

import sys
from types import ModuleType

UNUSED = ("asyncio", "grpc.aio", "google.protobuf.internal.python_message")


def load() -> None:
    """Import what talks to the engine. Elsewhere, `import asyncio` gives the real module, before and after."""
    empty = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update({name: ModuleType(name) for name in empty})
    try:
        import grpc  # noqa: F401

        from proto import gateway_pb2  # noqa: F401
    finally:
        for name in empty:
            del sys.modules[name]
