"""A graph as text for people and golden files: one line per value, identical on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .reference import Reference

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from proto import ops_pb2

    from .marshal import Definition


def dump(definition: Definition | ops_pb2.Definition) -> str:
    """Return the graph as text. Numbers replace digests: the text already shows everything that a digest covers."""
    from proto import ops_pb2

    message = definition if isinstance(definition, ops_pb2.Definition) else definition.to_pb()
    numbers: dict[str, int] = {}
    lines: list[str] = []
    for data in getattr(message, "def"):
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        numbers[digest] = len(numbers) + 1
        op = ops_pb2.Op.FromString(data)
        metadata = message.metadata[digest] if digest in message.metadata else ops_pb2.OpMetadata()
        name = metadata.description.get("llb.customname", "")
        lines.append(f"#{numbers[digest]} {op.WhichOneof('op') or 'terminal'}{f'  {name}' if name else ''}")
        if op.inputs:
            edges = (f"#{numbers[edge.digest]}.{edge.index}" for edge in op.inputs)
            lines.append(f"  inputs: {' '.join(edges)}")
        if op.HasField("platform"):
            lines.extend(f"  {line}" for line in _lines("platform", op.platform))
        kind = op.WhichOneof("op")
        if kind:
            lines.extend(f"  {line}" for line in _lines("", getattr(op, kind)))
        lines.extend(f"  {line}" for line in _metadata_lines(metadata))
        lines.extend(f"  {line}" for line in _place_lines(message.Source, digest))
    return "".join(f"{line}\n" for line in lines)


def _metadata_lines(metadata: ops_pb2.OpMetadata) -> Iterator[str]:
    if metadata.ignore_cache:
        yield "ignore_cache: true"
    if metadata.HasField("progress_group"):
        group = metadata.progress_group
        yield f"progress_group: {json.dumps([group.id, group.name])}{' weak' if group.weak else ''}"
    if metadata.caps:
        yield f"caps: {' '.join(sorted(metadata.caps))}"


def _place_lines(source: ops_pb2.Source, digest: str) -> Iterator[str]:
    if digest not in source.locations:
        return
    for location in source.locations[digest].locations:
        filename = source.infos[location.sourceIndex].filename
        for rng in location.ranges:
            start, end = rng.start, rng.end
            yield f"at: {filename}:{start.line}:{start.character}-{end.line}:{end.character}"


def _lines(prefix: str, message: Message) -> Iterator[str]:
    """Yield `path: value` for every field that is set, and for every integer, because 0 is meaningful here."""
    for descriptor in message.DESCRIPTOR.fields:
        name = descriptor.name
        path = f"{prefix}.{name}" if prefix else name
        value = getattr(message, name)
        if descriptor.message_type is None:
            if _is_shown(message, descriptor, value):
                names = descriptor.enum_type.values_by_number if descriptor.enum_type else {}
                yield f"{path}: {names[value].name if names else _scalar(name, value)}"
        elif descriptor.message_type.GetOptions().map_entry:
            for key in sorted(value):
                yield f"{path}[{key}]: {_scalar(name, value[key])}"
        elif descriptor.is_repeated:
            for index, item in enumerate(value):
                yield from _lines(f"{path}[{index}]", item)
        elif message.HasField(name):
            yield from _lines(path, value)


def _is_shown(message: Message, descriptor: Any, value: Any) -> bool:
    if descriptor.has_presence:
        return message.HasField(descriptor.name)
    return bool(value) or (type(value) is int and descriptor.enum_type is None)


def _scalar(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if name == "mode" and value >= 0:
        return f"{value:#o}"
    if name == "identifier":
        value = _familiar(value)
    return json.dumps(value if isinstance(value, str | int) else list(value), ensure_ascii=False)


def _familiar(identifier: str) -> str:
    """Return an image identifier as users write it."""
    scheme, separator, rest = identifier.partition("://")
    if scheme not in ("docker-image", "oci-layout"):
        return identifier
    return f"{scheme}{separator}{Reference.parse(rest).familiar}"
