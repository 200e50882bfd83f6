"""The commands of the image: `python3 -m frontend check FILE`, `schema` and `build-image`.

`check` needs no engine and reports what a build would say about a build file. It exits with 0 if there are no errors,
1 if there are (with --strict, warnings count too), and 2 for wrong usage or an unreadable file.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from frontend.config.rules.lint import check, url
from spec.values.wording import quote

from .config import Arguments, ConfigError, Diagnostic, load

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def main(argv: Sequence[str]) -> int:
    """Run the program and return its exit code."""
    if argv[:1] == ["build-image"]:
        # For `docker run`. Build steps of Dockerfiles start `build-image` itself.
        from imager.build_image import main as build_image

        return build_image(argv[1:])
    arguments = _parser().parse_args(argv)
    if arguments.command == "schema":
        from frontend.config.docs.schema import json_schema

        sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
        return 0
    file: Path = arguments.file
    try:
        text = file.read_bytes()
    except OSError as error:
        sys.stderr.write(f"{file}: {error.strerror}\n")
        return 2
    found = examine(file, text, dict(arguments.build_arg))
    sys.stdout.write(_FORMATS[arguments.format](file, found))
    failed = any(each.severity == "error" or arguments.strict for each in found)
    return 1 if failed else 0


def examine(file: Path, text: bytes, given: dict[str, str]) -> tuple[Diagnostic, ...]:
    """Return what is wrong with a build file. Its directory is the build context; nothing outside is read."""
    context = file.parent.resolve()

    def read(path: str) -> bytes | None:
        try:
            place = (context / path).resolve()
            return place.read_bytes() if place.is_relative_to(context) else None
        except OSError:
            return None

    try:
        spec = load(text, str(file), Arguments(given=given, platform=_platform()), read)
    except ConfigError as error:
        return error.diagnostics
    return check(text, spec)


def _platform() -> dict[str, str]:
    """Return the variables of a build for this machine."""
    machine = platform.machine()
    architecture = _ARCHITECTURES.get(machine, machine)
    own = {"PLATFORM": f"linux/{architecture}", "OS": "linux", "ARCH": architecture, "VARIANT": ""}
    return {f"{side}{name}": value for side in ("TARGET", "BUILD") for name, value in own.items()}


def _file_of(file: Path, each: Diagnostic) -> Path:
    """Return the file that a diagnostic is about: the build file, or one that it includes."""
    return file.parent / each.range.file if each.range.file else file


def _as_text(file: Path, found: Sequence[Diagnostic]) -> str:
    lines = {name: _lines(name) for name in {_file_of(file, each) for each in found}}
    return "".join(_snippet(_file_of(file, each), each, lines[_file_of(file, each)]) for each in found)


def _snippet(file: Path, each: Diagnostic, lines: list[str]) -> str:
    (line, column), end = each.range.start, each.range.end
    head = f"{file}:{line}:{column}: {each.severity}: {each.text}\n"
    if not 0 < line <= len(lines):
        return head
    shown = lines[line - 1]
    # Tabs stay tabs, so that the caret is below its character however wide they are.
    blank = "".join("\t" if each == "\t" else " " for each in shown[: column - 1])
    width = max(1, end.column - column) if end.line == line else 1
    return f"{head}  {shown}\n  {blank}{'^' * width}\n"


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").split("\n")
    except OSError:
        return []


def _as_json(file: Path, found: Sequence[Diagnostic]) -> str:
    listed = [
        {
            "file": str(_file_of(file, each)),
            "start": each.range.start._asdict(),
            "end": each.range.end._asdict(),
            "severity": each.severity,
            "rule": each.rule or None,
            "message": each.message,
            "url": url(each.rule) if each.rule else None,
        }
        for each in found
    ]
    return json.dumps(listed, indent=2, ensure_ascii=False) + "\n"


def _as_github(file: Path, found: Sequence[Diagnostic]) -> str:
    """Return workflow commands. GitHub shows each message at its line of a pull request."""
    return "".join(
        f"::{each.severity} file={_escape(str(_file_of(file, each)), ':,')},line={each.range.start.line},"
        f"col={each.range.start.column},title={each.rule or 'claylinux'}::{_escape(each.message)}\n"
        for each in found
    )


def _escape(text: str, more: str = "") -> str:
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


_FORMATS: dict[str, Callable[[Path, Sequence[Diagnostic]], str]] = {
    "text": _as_text,
    "json": _as_json,
    "github": _as_github,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="claylinux/frontend",
        description="Tools for claylinux.yaml. Builds start this image by themselves; these commands are for people.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("check", help="check a build file without an engine")
    one.add_argument("file", type=Path, metavar="FILE", help="the build file; its directory is the build context")
    one.add_argument("--format", choices=tuple(_FORMATS), default="text", help="output format (default: text)")
    one.add_argument(
        "--build-arg", action="append", default=[], type=_pair, metavar="NAME=VALUE",
        help="set a build argument (repeatable)",
    )  # fmt: skip
    one.add_argument("--strict", action="store_true", help="fail on warnings, too")
    commands.add_parser("schema", help="print the JSON Schema of claylinux.yaml")
    commands.add_parser("build-image", help="build a bootable image from the system at /system (see build-image -h)")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE (for example VERSION=1.2); got {quote(text)}")
    return name, value
