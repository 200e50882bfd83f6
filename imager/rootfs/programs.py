"""Whether the system can start a program: its kind, its interpreter or loader, its libraries."""

from __future__ import annotations

import posixpath
import stat
from typing import TYPE_CHECKING

from imager.rootfs import elf, libraries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.rootfs.elf import Elf
    from imager.rootfs.root import Root

_SCRIPT, _BOM = b"#!", b"\xef\xbb\xbf"
_FIRST_LINE = 256
"""The bytes of a script that the kernel looks at."""
_INTERPRETERS = 5
"""Interpreters of interpreters that the kernel follows."""
PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where env(1), and systemd itself, look in a service."""
_ALSO_RUNS = {"amd64": ("386",), "arm64": ("arm",)}
"""What a kernel starts beside programs for its own processor."""


def problem(root: Root, path: str, library_path: str = "") -> str | None:
    """Return why the program at `path` cannot be started, or None. `library_path` is its LD_LIBRARY_PATH."""
    return _problem(root, path, tuple(filter(None, library_path.split(":"))), _INTERPRETERS)


def _problem(root: Root, path: str, own: tuple[str, ...], depth: int) -> str | None:
    status = root.status(path)
    if status is None or not stat.S_ISREG(status.st_mode):
        return f"the program {path} is not in the system: add it with `files`, or the package that has it"
    if not status.st_mode & 0o111:
        return f"{path} is not executable: give it `mode: '0755'`"
    head = root.head(path, _FIRST_LINE)
    if head.startswith(_BOM + _SCRIPT):
        return f"{path} starts with a byte order mark, so its #! line is not seen: save it as UTF-8 without one"
    if head.startswith(_SCRIPT):
        return _script_problem(root, path, head, own, depth)
    program = elf.read(root, path)
    if program is not None:
        return _elf_problem(root, path, program, own)
    if head.startswith(b"\x7fELF"):
        return f"{path} is a damaged program: it is cut off"
    return f"{path} is neither a program nor a script: a script starts with a line such as #!/bin/sh"


def _script_problem(root: Root, path: str, head: bytes, own: tuple[str, ...], depth: int) -> str | None:
    line = head[len(_SCRIPT) :].partition(b"\n")[0].decode(errors="backslashreplace")
    if line.endswith("\r"):
        return f"{path} has the line ends of Windows, so its interpreter is not found: save it with those of Unix (LF)"
    words = line.split()
    if not words or not words[0].startswith("/"):
        return f"{path} starts with #!{line}, which names no interpreter: write its whole path, such as #!/bin/sh"
    interpreter, *arguments = words
    if root.file(interpreter) is None:
        return f"{path} is a script for {interpreter}, which is not in the system: add its package to `packages`"
    if posixpath.basename(interpreter) == "env":
        name = next((each for each in arguments if not each.startswith("-") and "=" not in each), "")
        if name and "/" not in name and not any(root.file(f"{folder}/{name}") for folder in PATH):
            return f"{path} is a script for {name}, which is not in the system: add its package to `packages`"
    below = _problem(root, interpreter, own, depth - 1) if depth else "too many scripts start each other"
    return f"{path} cannot start: {below}" if below else None


def _elf_problem(root: Root, path: str, program: Elf, own: tuple[str, ...]) -> str | None:
    machine = _machine(root)
    if machine and program.machine not in (machine, *_ALSO_RUNS.get(machine, ())):
        return f"{path} is a program for {program.machine}, but the system is for {machine}"
    if program.loader and root.file(program.loader) is None:
        return (
            f"{path} needs the loader {program.loader}, which is not in the system: it was built for another "
            "distribution or C library; build it for this one, or link it statically"
        )
    # A program without a loader is static, whatever else it says.
    missing = list(libraries.missing(root, path, program, own)) if program.loader else []
    if missing:
        word, them = ("library", "its package") if len(missing) == 1 else ("libraries", "their packages")
        return f"{path} needs the {word} {', '.join(missing)}: add {them} to `packages`, or link it statically"
    return None


def _machine(root: Root) -> str | None:
    """Return the processor that the system is for, by its own programs."""
    return next(_machines(root), None)


def _machines(root: Root) -> Iterator[str]:
    for path in ("/bin/sh", "/sbin/init", "/usr/lib/systemd/systemd"):
        program = elf.read(root, path)
        if program is not None:
            yield program.machine
