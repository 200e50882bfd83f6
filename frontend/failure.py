"""Failures of a request, as the status that the user reads. Errors are converted only here."""

from __future__ import annotations

import re
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING

from imager.core.terminal import printable
from spec.values.wording import code

from .errors import AnswerError, EngineError, UserError
from .gateway import status as wire

if TYPE_CHECKING:
    from llb import Definition, SourceFile, SourceRange, VertexInfo
    from proto import status_pb2

    from .config import ConfigError

_EXIT_CODE = re.compile(r"did not complete successfully: exit code: (\d+)(.*)", re.DOTALL)
_SECRET = re.compile(r"secret (\S+): not found")
_AGENT = re.compile(r"unset ssh forward key (\S+)|no SSH key \"?([^\s\"]+)\"? forwarded")
_CHECKSUM = re.compile(r"digest mismatch (sha256:\w+): (sha256:\w+)")
_CACHE_KEY = re.compile(r"failed to (load|compute) cache key: ")
"""What the engine was doing when it found that a source is not available."""
_MISTAKES = 50
"""The most mistakes that one message tells."""
_LONGEST = 100_000
"""Characters of a message. An engine can send megabytes, which its client could not take."""
_REPORT = "this is a bug in Claylinux: please report it with your build file and these lines"


def to_status(error: Exception, source: SourceFile | None) -> status_pb2.Status:
    """Return the status of `error` for the user. `source` is the build file, if it was read."""
    status = _status(error, source)
    shown = _shown(status.message)
    if shown != status.message:
        status.message = shown
    return status


def _status(error: Exception, source: SourceFile | None) -> status_pb2.Status:
    from .config import ConfigError

    if isinstance(error, ConfigError):
        return _mistakes(error, source)
    if isinstance(error, UserError):
        return wire.make(error.message, source, error.ranges)
    if isinstance(error, EngineError):
        return error.status
    if isinstance(error, AnswerError):
        return wire.make(str(error), source)
    return wire.make(_bug(error))


def _shown(message: str) -> str:
    """Return a message without what would move the cursor of a terminal, and not longer than anybody reads."""
    if len(message) > _LONGEST:
        message = message[:_LONGEST] + "…"
    return "\n".join("\t".join(map(printable, line.rstrip("\r").split("\t"))) for line in message.split("\n"))


def explain(error: EngineError, definition: Definition, source: SourceFile | None) -> EngineError:
    """Return `error` in terms of the build file: the failed step, its place, and what to do."""
    from proto import status_pb2

    status = status_pb2.Status()
    status.CopyFrom(error.status)
    vertex = next((str(detail.get("digest", "")) for detail in wire.details(status, wire.VERTEX)), "")
    info = definition.vertices.get(vertex)
    if info is None:
        return error
    several = len(info.locations) > 1
    reason, info = _failed_part(status.message, info)
    message = _in_our_words(reason, info)
    if message != status.message:
        status.message, status.code = message, wire.UNKNOWN
    if several or not any(wire.details(status, wire.SOURCE)):
        kept = [detail for detail in status.details if detail.type_url != wire.SOURCE]
        del status.details[:]
        status.details.extend(kept)
        wire.add_snippets(status, source, _places(reason, info))
    return EngineError(status)


def _failed_part(message: str, info: VertexInfo) -> tuple[str, VertexInfo]:
    """Return `message` and `info` as they would be if the part that failed were a step of its own."""
    from imager.failure import DONE, MISUSED, parted

    found = _EXIT_CODE.search(message)
    number, code = parted(int(found[1])) if found else (0, DONE)
    if found is None or number >= len(info.parts) or not DONE < code <= MISUSED:
        return message, info
    part = info.parts[number]
    place = (part.location,) if part.location else ()
    return f"{message[: found.start(1)]}{code}{message[found.end(1) :]}", replace(
        info, name=part.name, locations=place, parts=()
    )


def _places(message: str, info: VertexInfo) -> tuple[SourceRange, ...]:
    """Return the places that the failure is about: where the step stands, or how it reaches what is outside."""
    from .distro.refusal import UNREACHABLE

    if info.parts:
        return info.locations  # it may be any of them
    exit_code = _EXIT_CODE.search(message)
    outside = exit_code[1] == str(UNREACHABLE) if exit_code else bool(_needed(message))
    return (outside and info.locations[1:]) or info.locations[:1]


def _in_our_words(message: str, info: VertexInfo) -> str:
    """Return what happened in the step `info`, and what to do if that is known."""
    if exit_code := _EXIT_CODE.search(message):
        return f"{info.name} failed with exit code {exit_code[1]}{_meaning(exit_code[1])}"
    needed = _needed(message)
    if needed:
        return f"{info.name} needs {needed}"
    if info.kind == "source":
        return f"{info.name}: {plain_reason(message)}"
    return message


def _needed(message: str) -> str:
    """Return what the client must pass and how; empty if the message is about something else."""
    if secret := _SECRET.search(message):
        return f"the secret {code(secret[1])}: pass it with --secret id={secret[1]},src=FILE (or env=VARIABLE)"
    if agent := _AGENT.search(message):
        name = agent[1] or agent[2]
        return f"the SSH agent {code(name)}: pass it with --ssh {name}"
    return ""


def plain_reason(message: str) -> str:
    """Return why a source is not available, without what the engine was doing with it."""
    if needed := _needed(message):
        return f"it needs {needed}"
    if wrong := _CHECKSUM.search(message):
        return f"its checksum is {wrong[1]}, not {wrong[2]}: check the URL, or update `checksum` if the file changed"
    reason = _CACHE_KEY.sub("", message, count=1).removesuffix(', output: ""')
    if fatal := re.search(r"^fatal: (.*)$", reason, re.MULTILINE):  # the last line of git
        reason = fatal[1]
        if "could not read Username" in reason or "Authentication failed" in reason:
            reason += ": pass a token with --secret id=GIT_AUTH_TOKEN,env=VARIABLE"
    return reason


def _mistakes(error: ConfigError, source: SourceFile | None) -> status_pb2.Status:
    """Return all mistakes in the order of the file, but never so many that the client cannot take the message.

    The client shows every snippet before the message. Several mistakes therefore have no snippets: each is followed by
    its line of the file, and what a person sees first is the first mistake.
    """
    from frontend.plan.places import to_llb

    from .config import excerpt

    if len(error.diagnostics) == 1:
        own = tuple(to_llb(each.range) for each in error.diagnostics if not each.range.file)
        return wire.make(str(error), source, own)
    lines = source.data.decode(errors="replace").split("\n") if source else []
    told = "".join(
        f"{line}\n{'' if each.range.file else excerpt(lines, each.range)}"
        for line, each in [*zip(error.lines, error.diagnostics, strict=True)][:_MISTAKES]
    )
    left = len(error.diagnostics) - _MISTAKES
    return wire.make(told + f"... and {left} more" if left > 0 else told.rstrip("\n"), source)


def _meaning(code: str) -> str:
    match code:
        case "126":
            return ": a program is not executable (see the output above)"
        case "127":
            return ": a program was not found (see the output above)"
        case "137":
            return ": it was killed, usually because of too little memory"
        case _:
            return " (see the output above)"


def _bug(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = "\n".join(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in reversed(frames))
    return f"{_REPORT}:\n  {type(error).__name__}: {error}\n{where}"
