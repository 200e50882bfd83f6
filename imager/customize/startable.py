"""Whether the programs of a service can start: what its unit or script names, not what they start themselves."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from imager.customize.systemd_unit import unit_of
from imager.rootfs import fstab, initsystem, programs
from imager.rootfs.systemd_start import WOKEN, woken_by
from imager.rootfs.systemd_units import UnitFiles
from imager.rootfs.text import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.root import Root
    from imager.rootfs.systemd_units import Unit

_PREFIXES = "@:+!|"
"""Characters before a program that change how systemd starts it (systemd.service(5))."""
_ELSEWHERE = ("RootDirectory", "RootImage", "ExecSearchPath", "ExtensionImages", "BindPaths", "BindReadOnlyPaths")
"""With these, a service sees another system than this one."""
_LIBRARIES = "LD_LIBRARY_PATH="
_COMMAND = re.compile(r"^[ \t]*command=[\"']?(/[^\s\"'$`]*)[\"']?[ \t]*$", re.MULTILINE)
_SCRIPTS = "/etc/init.d"


def problem_of_service(root: Root, name: str) -> str | None:
    """Return why the service `name` of the system, or what it wakes, cannot start; None if nothing is known."""
    script = posixpath.join(_SCRIPTS, name.removesuffix(".service"))
    if initsystem.find(root) != initsystem.SYSTEMD:
        return _problem_of_script(root, script)
    units = UnitFiles(root)
    unit = units.find(unit_of(name))
    if unit is None:
        return programs.problem(root, script) if root.file(script) else None
    woken = units.find(woken_by(unit)) if unit.suffix in WOKEN else unit
    return next(_problems_of_unit(root, woken), None) if woken is not None and not woken.masked else None


def problem_of_program(root: Root, program: str, library_path: str = "") -> str | None:
    """Return why the running system cannot start a program. What comes with a mount is not known here."""
    missing = root.file(program) is None
    mount = _mount_of(root, program if missing else f"/{root.real(program)}")
    if mount is not None and "noexec" in mount.options:
        return f"{program} cannot be started, because {mount.point} is mounted with noexec: remove that option"
    if missing and mount is not None and mount.kind != "tmpfs":
        return None
    return programs.problem(root, program, library_path)


def _problems_of_unit(root: Root, unit: Unit) -> Iterator[str]:
    if any(unit.words("Service", key) for key in _ELSEWHERE):
        return
    libraries = "".join(
        word.strip('"').removeprefix(_LIBRARIES)
        for word in unit.words("Service", "Environment")
        if word.strip('"').startswith(_LIBRARIES)
    )
    for words in unit.lines.get(("Service", "ExecStart"), ()):
        program = words[0].lstrip(_PREFIXES)
        # A failure does not matter; or only systemd knows what it is.
        if program.startswith("-") or any(character in program for character in "%$\"'"):
            continue
        if "/" not in program:
            if not any(root.file(f"{folder}/{program}") for folder in programs.PATH):
                yield f"{unit.path} starts {program}, which is not in the system: add its package to `packages`"
            continue
        problem = problem_of_program(root, program, libraries)
        if problem:
            yield f"{unit.path}: {problem}"


def _problem_of_script(root: Root, path: str) -> str | None:
    problem = programs.problem(root, path)
    if problem:
        return problem
    named = _COMMAND.search(read(root, path))
    problem = problem_of_program(root, named[1]) if named else None
    return f"{path}: {problem}" if problem else None


def _mount_of(root: Root, path: str) -> fstab.Line | None:
    """Return the file system that the running system mounts and that has `path`, if any."""
    above = [line for line in fstab.load(root) if f"{path}/".startswith(f"{line.point.rstrip('/')}/")]
    return max(above, key=lambda line: len(line.point), default=None)
