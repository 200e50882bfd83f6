"""Files, homes and programs that the running system cannot see, as a mount hides them, or that it cannot start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from frontend.config.rules.lint import BROKEN_PROGRAM, HIDDEN_FILE
from frontend.config.syntax.diagnostics import Diagnostic
from spec.services import ServiceCommand
from spec.values.wording import code

if TYPE_CHECKING:
    from spec.document import Spec

    from .report import Report

_Key = tuple[str | int, ...]


def paths(spec: Spec) -> tuple[str, ...]:
    """Return the paths to ask about, in the system."""
    return tuple(sorted({path for path, _, _ in _named(spec)}))


def users(spec: Spec) -> tuple[str, ...]:
    """Return the users whose homes to ask about."""
    return tuple(user.name for user in spec.users if not user.system or user.ssh_authorized_keys)


def problems(spec: Spec, report: Report) -> Iterator[Diagnostic]:
    """Yield the SSH keys that are hidden, so that their users cannot log in."""
    for index, user in enumerate(spec.users):
        if user.ssh_authorized_keys and user.name in report.hidden_homes:
            home, by = report.hidden_homes[user.name]
            text = (
                f"`users`: {user.name} cannot log in with these keys: the image has the home {code(home)}, but the "
                f"running system has {_reason(spec, by)}; choose another `home`, or mount only a part of it"
            )
            yield Diagnostic(spec.positions.of("users", index, "ssh_authorized_keys"), text)


def warnings(spec: Spec, report: Report) -> Iterator[Diagnostic]:
    """Yield the files, homes and programs that are hidden."""
    for index, user in enumerate(spec.users):
        if not user.ssh_authorized_keys and user.name in report.hidden_homes:
            home, by = report.hidden_homes[user.name]
            reason = _reason(spec, by)
            text = f"`users`: the image has the home {code(home)} of {user.name}, but the running system has {reason}"
            yield Diagnostic(spec.positions.of("users", index), text, "warning", HIDDEN_FILE)
    for path, what, key in _named(spec):
        if path in report.hidden_files:
            text = f"{what} is hidden: the running system has {_reason(spec, report.hidden_files[path])}"
            yield Diagnostic(spec.positions.of(*key), text, "warning", HIDDEN_FILE)


def broken(spec: Spec, report: Report) -> Iterator[Diagnostic]:
    """Yield the files that are programs, or start some, and cannot work."""
    for path in spec.files:
        if path in report.broken:
            text = f"`files`: {report.broken[path]}"
            yield Diagnostic(spec.positions.of("files", path), text, "warning", BROKEN_PROGRAM)


def _named(spec: Spec) -> Iterator[tuple[str, str, _Key]]:
    """Yield the paths that the spec names, with what they are and where they stand."""
    for path in spec.files:
        yield path, f"`files`: {path}", ("files", path)
    for name, service in spec.services.items():
        if isinstance(service, ServiceCommand):
            program = service.command[0]
            yield program, f"`services`: the program {code(program)}", ("services", name, "command")


def _reason(spec: Spec, by: str) -> str:
    return f"a mount at {by}" if by in spec.mounts else f"something else at {by}"
