"""Questions about a build file that build nothing: `docker buildx build --call ...`.

Names, versions and answers follow BuildKit's frontend/subrequests; buildx prints `result.json` itself.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .errors import EngineError
from .gateway import status as wire
from .gateway.client import Solved

if TYPE_CHECKING:
    from llb import SourceFile

    from .config import ConfigError, Range, Spec

_VERSION = "1.0.0"
_PREFIX = "frontend."
_OPTIONS = [{"name": "target", "description": "the target to ask about"}]


def answer(request_id: str, source: SourceFile, image_target: str) -> Solved:
    """Answer a question. Raises `EngineError` for one we do not know, `ConfigError` as a build would."""
    if request_id not in _ANSWERS:
        raise _unsupported(request_id)
    return _ANSWERS[request_id][1](source, image_target)


def _describe(source: SourceFile, image_target: str) -> Solved:
    requests = [
        {
            "name": name,
            "version": _VERSION,
            "type": "rpc",
            "description": description,
            "opts": [] if name == _PREFIX + "subrequests.describe" else _OPTIONS,
            "metadata": [{"name": "result.json"}, {"name": "result.txt"}],
        }
        for name, (description, _) in sorted(_ANSWERS.items())
    ]
    text = "".join(f"{item['name']:<32} {item['description']}\n" for item in requests)
    return _result(requests, text)


def _outline(source: SourceFile, image_target: str) -> Solved:
    spec = _load(source)
    outputs = ", ".join(output.filename for output in spec.outputs)
    document = {
        "name": spec.name,
        "description": f"builds {outputs}",
        "args": [],
        "secrets": [],
        "ssh": [],
        "cache": [],
        "sources": [base64.b64encode(source.data).decode()],
    }
    return _result(document, f"{spec.name}: {outputs}\n")


def _targets(source: SourceFile, image_target: str) -> Solved:
    from .config import OUTPUT_FORMATS

    spec = _load(source)
    listed = {output.format for output in reversed(spec.outputs)}
    where = {output.format: spec.positions.of("outputs", n) for n, output in reversed([*enumerate(spec.outputs)])}
    others = {image_target: "the system as an OCI image", "report": "what takes the space, as text and JSON"}
    targets = [
        {
            "name": name,
            **({"default": True} if name in listed else {}),
            "description": others.get(name) or f"the output {spec.name}.{name}",
            **({"location": _location(where[name])} if name in where else {}),
        }
        for name in (*OUTPUT_FORMATS, *others)
    ]
    text = "".join(f"{item['name']}{' (default)' if 'default' in item else ''}\n" for item in targets)
    return _result({"targets": targets, "sources": [base64.b64encode(source.data).decode()]}, text)


def _lint(source: SourceFile, image_target: str) -> Solved:
    """Tell what is wrong as a result, not as an error: then `--check` prints it and sets its exit code."""
    from .config import ConfigError

    info = {"filename": source.filename, "data": base64.b64encode(source.data).decode(), "language": source.language}
    document: dict[str, Any] = {"warnings": [], "sources": [info]}
    text = "Check complete, no warnings found.\n"
    try:
        _load(source)
    except ConfigError as error:
        text = f"{error}\n"
        document["buildError"] = {"message": str(error), "location": _locations(error)}
    result = _result(document, text)
    failed = "buildError" in document
    return Solved(ref=None, metadata={**result.metadata, "result.statuscode": b"1" if failed else b"0"})


def _load(source: SourceFile) -> Spec:
    from .config import load

    return load(source.data, source.filename)


def _locations(error: ConfigError) -> dict[str, object]:
    places = dict.fromkeys(diagnostic.range for diagnostic in error.diagnostics)
    return {"sourceIndex": 0, "ranges": [_span(place) for place in places]}


def _location(place: Range) -> dict[str, object]:
    return {"sourceIndex": 0, "ranges": [_span(place)]}


def _span(place: Range) -> dict[str, object]:
    return {"start": {"line": place.start.line}, "end": {"line": place.end.line}}


def _result(document: object, text: str) -> Solved:
    return Solved(
        ref=None,
        metadata={
            "result.json": json.dumps(document, indent=2, sort_keys=True).encode(),
            "result.txt": text.encode(),
            "version": _VERSION.encode(),
        },
    )


def _unsupported(request_id: str) -> EngineError:
    """Return the error by which buildx recognises that a frontend does not know a request."""
    status = wire.make(f"unsupported request {request_id}")
    wire.add_detail(status, wire.SUBREQUEST, {"name": request_id})
    return EngineError(status)


_ANSWERS: Mapping[str, tuple[str, Callable[[SourceFile, str], Solved]]] = {
    _PREFIX + "subrequests.describe": ("List the questions that can be asked", _describe),
    _PREFIX + "outline": ("Tell what a build takes", _outline),
    _PREFIX + "targets": ("List all targets", _targets),
    _PREFIX + "lint": ("Check the build file", _lint),
}
