"""The commands for people: `check FILE...` and `schema`, in the image and as the command `claylinux`.

`check` needs no engine and reports what a build would say about build files. It exits with 0 if there are no errors,
1 if there are (with --strict, warnings count too), and 2 for wrong usage or an unreadable file.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from frontend import __version__
from frontend.config.rules.lint import check, url
from spec.values.wording import quote

from .config import Arguments, ConfigError, Diagnostic, excerpt, load

_MOST = 8 << 20
"""Bytes of an included file: more than all of them may have."""
Message = tuple[Path, Diagnostic]
"""A diagnostic and the file that it is about: the build file, or one that it includes."""
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def main(argv: Sequence[str], prog: str = "claylinux", epilog: str = "") -> int:
    """Run the program and return its exit code. `prog` is its name in the help, which ends with `epilog`."""
    arguments = _parser(prog, epilog).parse_args(argv)
    if arguments.command == "schema":
        from frontend.config.docs.schema import json_schema

        sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
        return 0
    found: list[Message] = []
    unread = False
    for file in arguments.files:
        try:
            found += examine(file, file.read_bytes(), dict(arguments.build_arg))
        except OSError as error:
            sys.stderr.write(f"{file}: {error.strerror}\n")
            unread = True
    sys.stdout.write(_FORMATS[arguments.format](found))
    failed = any(each.severity == "error" or arguments.strict for _, each in found)
    return 2 if unread else int(failed)


def examine(file: Path, text: bytes, given: dict[str, str]) -> tuple[Message, ...]:
    """Return what is wrong with a build file. Its directory is the build context; nothing outside is read."""
    context = file.parent.resolve()

    def read(path: str) -> bytes | None:
        try:
            place = (context / path).resolve()
            if not place.is_relative_to(context) or not place.is_file():
                return None
            with place.open("rb") as file:
                return file.read(_MOST)
        except OSError:
            return None

    try:
        spec = load(text, str(file), Arguments(given=given, platform=_platform()), read)
        found = check(text, spec)
    except ConfigError as error:
        found = error.diagnostics
    return tuple((file.parent / each.range.file if each.range.file else file, each) for each in found)


def _platform() -> dict[str, str]:
    """Return the variables of a build for this machine."""
    machine = platform.machine()
    architecture = _ARCHITECTURES.get(machine, machine)
    own = {"PLATFORM": f"linux/{architecture}", "OS": "linux", "ARCH": architecture, "VARIANT": ""}
    return {f"{side}{name}": value for side in ("TARGET", "BUILD") for name, value in own.items()}


def _file_of(file: Path, each: Diagnostic) -> Path:
    """Return the file that a diagnostic is about: the build file, or one that it includes."""
    return file.parent / each.range.file if each.range.file else file


def _as_text(found: Sequence[Message]) -> str:
    lines = {file: _lines(file) for file in {file for file, _ in found}}
    return "".join(_snippet(file, each, lines[file]) for file, each in found)


def _snippet(file: Path, each: Diagnostic, lines: list[str]) -> str:
    line, column = each.range.start
    return f"{file}:{line}:{column}: {each.severity}: {each.text}\n{excerpt(lines, each.range)}"


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").split("\n")
    except OSError:
        return []


def _as_json(found: Sequence[Message]) -> str:
    listed = [
        {
            "file": str(file),
            "start": each.range.start._asdict(),
            "end": each.range.end._asdict(),
            "severity": each.severity,
            "rule": each.rule or None,
            "message": each.message,
            "url": url(each.rule) if each.rule else None,
        }
        for file, each in found
    ]
    return json.dumps(listed, indent=2, ensure_ascii=False) + "\n"


def _as_github(found: Sequence[Message]) -> str:
    """Return workflow commands. GitHub shows each message at its line of a pull request."""
    return "".join(
        f"::{each.severity} file={_escape(str(file), ':,')},line={each.range.start.line},"
        f"col={each.range.start.column},title={each.rule or 'claylinux'}::{_escape(each.message)}\n"
        for file, each in found
    )


def _escape(text: str, more: str = "") -> str:
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text


_FORMATS: dict[str, Callable[[Sequence[Message]], str]] = {"text": _as_text, "json": _as_json, "github": _as_github}


def _parser(prog: str, epilog: str) -> argparse.ArgumentParser:
    description = "Check build files, and print their JSON Schema."
    parser = argparse.ArgumentParser(prog=prog, description=description, epilog=epilog)
    parser.add_argument("--version", action="version", version=f"claylinux {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("check", help="check build files without an engine")
    one.add_argument(
        "files", type=Path, metavar="FILE", nargs="+", help="a build file; its directory is the build context"
    )
    one.add_argument("--format", choices=tuple(_FORMATS), default="text", help="output format (default: text)")
    one.add_argument(
        "--build-arg",
        action="append",
        default=[],
        type=_pair,
        metavar="NAME=VALUE",
        help="set a build argument (repeatable)",
    )
    one.add_argument("--strict", action="store_true", help="fail on warnings, too")
    commands.add_parser("schema", help="print the JSON Schema of claylinux.yaml")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE (for example VERSION=1.2); got {quote(text)}")
    return name, value
