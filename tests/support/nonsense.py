"""Changes that make an honest answer of BuildKit nonsense."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from google.protobuf.message import Message

from proto import gateway_pb2 as pb
from proto import ops_pb2

HUGE = 40 << 20
TEXTS = (
    "",
    "\n",
    "a\nb",
    "\x1b[2J",
    "\u202e",
    "x" * 300_000,
    "../..",
    "/",
    "sha256:",
    "sha256:" + "g" * 64,
    "%s",
    "🚀",
    "-x",
)
_JSON: tuple[object, ...] = (
    None,
    True,
    -1,
    1 << 70,
    1.5,
    "",
    "a\n\x1b[2J",
    [],
    {},
    [[]],
    {"size": "x"},
    ["a"],
    {"a": None},
)
DOCUMENTS = (b"", b"{", b"[]", b"null", b'"x"', b"[" * 100_000, b"NaN", b"\xff\xfe", b"1" * 5000, b"{}", b'[{"a": 1}]')


def _other_bytes(random: Random, message: Message) -> bytes:
    data = bytearray(message.SerializeToString())
    for _ in range(random.randrange(1, 5)):
        if data:
            data[random.randrange(len(data))] = random.randrange(256)
    return random.choice((bytes(data), random.randbytes(random.randrange(1, 200))))


def _cut(random: Random, message: Message) -> bytes:
    data = message.SerializeToString()
    return data[: random.randrange(len(data) + 1)]


def _missing(random: Random, message: Message) -> bytes:
    holders = [each for each in _messages(message) if each.ListFields()]
    if holders:
        holder = random.choice(holders)
        holder.ClearField(random.choice(holder.ListFields())[0].name)
    return message.SerializeToString()


def _texts(random: Random, message: Message) -> bytes:
    """Replace a text or a number anywhere."""
    places = [(each, found) for each in _messages(message) for found in each.DESCRIPTOR.fields if _is_simple(found)]
    if places:
        holder, found = random.choice(places)
        setattr(holder, found.name, _value(random, found))
    return message.SerializeToString()


def _is_simple(found: Any) -> bool:
    return found.message_type is None and not found.is_repeated


def _value(random: Random, found: Any) -> object:
    if found.type == found.TYPE_STRING:
        return random.choice(TEXTS)
    if found.type == found.TYPE_BYTES:
        return random.choice((*DOCUMENTS, *(text.encode() for text in TEXTS)))
    if found.type == found.TYPE_BOOL:
        return random.random() < 0.5
    return random.choice((0, 1, 1 << 31 if "uint" in str(found.name) or found.name == "mode" else 7, 0o40755))


def _document(random: Random, message: Message) -> bytes:
    """Replace a JSON document, or a value in it."""
    for each in _messages(message):
        for found, value in each.ListFields():
            if found.type == found.TYPE_BYTES and not found.is_repeated:
                setattr(each, found.name, _other_document(random, value))
    if isinstance(message, pb.SolveResponse):
        for key, data in list(message.result.metadata.items()):
            message.result.metadata[key] = _other_document(random, data)
    return message.SerializeToString()


def _other_document(random: Random, data: bytes) -> bytes:
    try:
        document = json.loads(data)
    except ValueError:
        return random.choice((data, random.choice(DOCUMENTS)))
    if random.random() < 0.3:
        return random.choice(DOCUMENTS)
    return json.dumps(_other_value(random, document)).encode()


def _other_value(random: Random, value: Any) -> Any:
    """Return the document with another value somewhere, or without one."""
    if not isinstance(value, dict | list) or not value or random.random() < 0.1:
        return random.choice(_JSON)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = random.choice(keys)
    if random.random() < 0.2:
        del value[key]
    else:
        value[key] = _other_value(random, value[key])
    return value


def _huge(random: Random, message: Message) -> bytes:
    """Make a text, a file or a list very large."""
    name = type(message).__name__
    if name == "ReadDirResponse":
        return pb.ReadDirResponse(entries=[{"path": f"m{n}otd"} for n in range(100_000)]).SerializeToString()
    if name == "PongResponse":
        return pb.PongResponse(LLBCaps=[{"ID": f"c{n}"} for n in range(100_000)]).SerializeToString()
    if name == "StatFileResponse":
        return pb.StatFileResponse(stat={"path": "x", "mode": 0o644, "size": 1 << 62}).SerializeToString()
    if name == "ReadFileResponse":
        return pb.ReadFileResponse(Data=random.choice((b"a", b"[", b" ", b"a\n")) * HUGE).SerializeToString()
    if name == "ResolveImageConfigResponse":
        return pb.ResolveImageConfigResponse(Digest="a" * HUGE, Config=b" " * HUGE).SerializeToString()
    return message.SerializeToString() + b"\x7a\x80\x80\x80\x10" + bytes(HUGE)


def _directory(_: Random, message: Message) -> bytes:
    if isinstance(message, pb.StatFileResponse):
        message.stat.mode = 1 << 31 | 0o755
    return message.SerializeToString()


def _graph(random: Random, message: Message) -> bytes:
    """Give a result, or the inputs, a graph that makes no sense."""
    graph = ops_pb2.Definition()
    parts = [random.randbytes(8), b"", ops_pb2.Op(inputs=[{"digest": "sha256:0", "index": 5}]).SerializeToString()]
    getattr(graph, "def").extend(random.sample(parts, random.randrange(1, 4)))
    if isinstance(message, pb.InputsResponse):
        message.Definitions[random.choice(("context", "dockerfile", "x"))].CopyFrom(graph)
    elif isinstance(message, pb.SolveResponse):
        getattr(message.result.ref, "def").CopyFrom(graph)
    return message.SerializeToString()


def _unknown_ref(random: Random, message: Message) -> bytes:
    if isinstance(message, pb.SolveResponse):
        if random.random() < 0.5:
            message.result.ref.id = "nobody"
        else:
            message.result.refs.refs["linux/amd64"].id = "nobody"
    return message.SerializeToString()


def _messages(message: Message) -> list[Any]:
    """Return a message and all messages in it."""
    found: list[Any] = [message]
    for each, value in message.ListFields():
        if each.message_type is None or each.message_type.GetOptions().map_entry:
            continue
        for inner in value if each.is_repeated else (value,):
            found += _messages(inner)
    return found


CHANGES: dict[str, Callable[[Random, Message], bytes]] = {
    "other bytes": _other_bytes,
    "nothing": lambda random, message: b"",
    "cut": _cut,
    "missing field": _missing,
    "other text": _texts,
    "other document": _document,
    "huge": _huge,
    "directory": _directory,
    "other graph": _graph,
    "unknown ref": _unknown_ref,
}
