"""The programs for people: `check FILE...` and `schema`, in the image and as the command `claylinux`.

`check` tells what a build would say to build files, without an engine. Its exit codes: 0 nothing wrong (there may be
warnings), 1 errors (with --strict: or warnings), 2 wrong usage, or a file cannot be read.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from frontend import __version__
from frontend.config.rules.lint import check, url
from spec.positions import Range

from .config import Arguments, ConfigError, excerpt, load

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Note:
    """One line of the answer. `rule` is empty for an error that is no rule's."""

    file: Path
    range: Range
    severity: str
    rule: str
    message: str


def main(argv: Sequence[str], prog: str = "claylinux", epilog: str = "") -> int:
    """Run the program and return its exit code. `prog` is what people call it; `epilog` ends its help."""
    arguments = _parser(prog, epilog).parse_args(argv)
    if arguments.command == "schema":
        from frontend.config.docs.schema import json_schema

        sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
        return 0
    notes: list[Note] = []
    unread = False
    for file in arguments.files:
        try:
            notes += examine(file, file.read_bytes(), dict(arguments.build_arg))
        except OSError as error:
            sys.stderr.write(f"{file}: {error.strerror}\n")
            unread = True
    sys.stdout.write(_FORMATS[arguments.format](tuple(notes)))
    bad = any(note.severity == "error" or arguments.strict for note in notes)
    return 2 if unread else int(bad)


def examine(file: Path, text: bytes, given: dict[str, str]) -> tuple[Note, ...]:
    """Return what is wrong with a build file. Its folder is the build context; nothing outside is read."""
    context = file.parent.resolve()

    def read(path: str) -> bytes | None:
        try:
            place = (context / path).resolve()
            return place.read_bytes() if place.is_relative_to(context) else None
        except OSError:
            return None

    def note(place: Range, severity: str, rule: str, message: str) -> Note:
        return Note(file.parent / place.file if place.file else file, place, severity, rule, message)

    try:
        spec = load(text, str(file), Arguments(given=given, platform=_platform()), read)
    except ConfigError as error:
        return tuple(note(each.range, "error", "", each.message) for each in error.diagnostics)
    found = check(text, spec)
    severity = "error" if found.fails else "warning"
    return tuple(note(each.range, severity, each.rule, each.message) for each in found.findings)


def _platform() -> dict[str, str]:
    """Return the variables of a build for this machine."""
    machine = platform.machine()
    architecture = _ARCHITECTURES.get(machine, machine)
    own = {"PLATFORM": f"linux/{architecture}", "OS": "linux", "ARCH": architecture, "VARIANT": ""}
    return {f"{side}{name}": value for side in ("TARGET", "BUILD") for name, value in own.items()}


def _as_text(notes: tuple[Note, ...]) -> str:
    lines = {file: _lines(file) for file in {note.file for note in notes}}
    return "".join(_note_text(note, lines[note.file]) for note in notes)


def _note_text(note: Note, lines: list[str]) -> str:
    line, column = note.range.start
    rule = f" [{note.rule}]" if note.rule else ""
    head = f"{note.file}:{line}:{column}: {note.severity}: {note.message}{rule}\n"
    return head + excerpt(lines, note.range)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").split("\n")
    except OSError:
        return []


def _as_json(notes: tuple[Note, ...]) -> str:
    listed = [
        {
            "file": str(note.file),
            "start": note.range.start._asdict(),
            "end": note.range.end._asdict(),
            "severity": note.severity,
            "rule": note.rule or None,
            "message": note.message,
            "url": url(note.rule) if note.rule else None,
        }
        for note in notes
    ]
    return json.dumps(listed, indent=2, ensure_ascii=False) + "\n"


def _as_github(notes: tuple[Note, ...]) -> str:
    """Return GitHub's workflow commands, which show each note at its line of a pull request."""
    return "".join(
        f"::{note.severity} file={_escape(str(note.file), ':,')},line={note.range.start.line},"
        f"col={note.range.start.column},title={note.rule or 'claylinux'}::{_escape(note.message)}\n"
        for note in notes
    )


def _escape(text: str, more: str = "") -> str:
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


_FORMATS: dict[str, Callable[[tuple[Note, ...]], str]] = {"text": _as_text, "json": _as_json, "github": _as_github}


def _parser(prog: str, epilog: str) -> argparse.ArgumentParser:
    description = "Check build files, and print their JSON Schema."
    parser = argparse.ArgumentParser(prog=prog, description=description, epilog=epilog)
    parser.add_argument("--version", action="version", version=f"claylinux {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("check", help="tell what is wrong with build files")
    one.add_argument("files", type=Path, metavar="FILE", nargs="+")
    one.add_argument("--format", choices=tuple(_FORMATS), default="text", help="default: text")
    one.add_argument("--build-arg", action="append", default=[], type=_pair, metavar="K=V", help="as of the build")
    one.add_argument("--strict", action="store_true", help="warnings fail, too")
    commands.add_parser("schema", help="print the JSON Schema of the language")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, not {text!r}")
    return name, value
