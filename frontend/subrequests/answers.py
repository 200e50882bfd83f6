"""Questions about a build file that need no build: `docker buildx build --call ...`.

Names, versions and answers follow BuildKit's frontend/subrequests. buildx formats `result.json` itself.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frontend.errors import EngineError
from frontend.gateway import status as wire
from frontend.gateway.client import Solved

if TYPE_CHECKING:
    from frontend.config import ConfigError
    from frontend.config.syntax.diagnostics import Diagnostic
    from llb import SourceFile
    from spec.document import Spec
    from spec.positions import Range

_VERSION = "1.0.0"
_PREFIX = "frontend."
_OPTIONS = [{"name": "target", "description": "the target to ask about"}]


@dataclass(frozen=True, slots=True)
class Question:
    """The build file of a question, and two ways to read it.

    `load` reads it as a build does. `outline` also works before all arguments have values, and returns those without.
    `target` is the one that the question is about; empty for the outputs of the file.
    """

    source: SourceFile
    target: str
    load: Callable[[], Spec]
    outline: Callable[[], tuple[Spec, Mapping[str, str]]]


def answer(request_id: str, question: Question) -> Solved:
    """Answer a question. Raises `EngineError` if it is unknown, and `ConfigError` as a build does."""
    if request_id not in _ANSWERS:
        raise _unsupported(request_id)
    return _ANSWERS[request_id][1](question)


def _describe(question: Question) -> Solved:
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


def _outline(question: Question) -> Solved:
    from . import outline

    spec, missing = question.outline()
    document = outline.document(spec, question.target, missing, lambda place: _location(spec, place))
    return _result({**document, "sources": [_encoded(question.source)]}, outline.text(document))


def _targets(question: Question) -> Solved:
    from frontend.targets import OTHERS, TARGETS
    from spec.outputs import Output

    spec, _ = question.outline()
    listed = {output.format for output in reversed(spec.outputs)}
    where = {output.format: spec.positions.of("outputs", n) for n, output in reversed([*enumerate(spec.outputs)])}
    targets = [
        {
            "name": name,
            **({"default": True} if name in listed else {}),
            "description": OTHERS.get(name) or f"the output {Output(format=name, name=spec.name).filename}",
            **({"location": _location(spec, where[name])} if name in where else {}),
        }
        for name in TARGETS
    ]
    text = "".join(f"{item['name']}{' (default)' if 'default' in item else ''}\n" for item in targets)
    return _result({"targets": targets, "sources": [_encoded(question.source)]}, text)


def _lint(question: Question) -> Solved:
    """Return problems as a result, not as an error: then `--check` prints them and sets its exit code."""
    from frontend.config import ConfigError
    from frontend.config.rules.lint import check

    source = question.source
    info = {"filename": source.filename, "data": _encoded(source), "language": source.language}
    document: dict[str, Any] = {"warnings": [], "sources": [info]}
    text = "Check complete, no warnings found.\n"
    try:
        spec = question.load()
    except ConfigError as error:
        text = f"{error}\n"
        document["buildError"] = {"message": str(error), "location": _locations(error)}
    else:
        found = check(source.data, spec)
        document["warnings"] = [_warning(spec, each) for each in found]
        text = "".join(_line(source.filename, each) for each in found) or text
    failed = "buildError" in document or document["warnings"]
    result = _result(document, text)
    return Solved(ref=None, metadata={**result.metadata, "result.statuscode": b"1" if failed else b"0"})


def _warning(spec: Spec, found: Diagnostic) -> dict[str, object]:
    from frontend.config.rules.lint import description, url

    return {
        "ruleName": found.rule,
        "description": description(found.rule),
        "url": url(found.rule),
        "detail": found.message,
        "location": _location(spec, found.range),
    }


def _line(filename: str, found: Diagnostic) -> str:
    place = found.range
    return f"{place.file or filename}:{place.start.line}: {found.rule}: {found.message}\n"


def _locations(error: ConfigError) -> dict[str, object]:
    own = (diagnostic.range for diagnostic in error.diagnostics if not diagnostic.range.file)
    return {"sourceIndex": 0, "ranges": [_span(place) for place in dict.fromkeys(own)]}


def _location(spec: Spec, place: Range) -> dict[str, object]:
    """Return a place in the build file; for one in an included file, the place of the `include`."""
    return {"sourceIndex": 0, "ranges": [_span(spec.positions.of("include") if place.file else place)]}


def _encoded(source: SourceFile) -> str:
    return base64.b64encode(source.data).decode()


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
    """Return the error that tells buildx that a frontend does not know a request."""
    status = wire.make(f"unsupported request {request_id}")
    wire.add_detail(status, wire.SUBREQUEST, {"name": request_id})
    return EngineError(status)


_ANSWERS: Mapping[str, tuple[str, Callable[[Question], Solved]]] = {
    _PREFIX + "subrequests.describe": ("List the supported questions", _describe),
    _PREFIX + "outline": ("List the arguments, secrets and SSH agents of a build", _outline),
    _PREFIX + "targets": ("List all targets", _targets),
    _PREFIX + "lint": ("Check the build file", _lint),
}
