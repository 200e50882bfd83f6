"""Files that are programs, or start some, which the system cannot start: scripts, units, tables of init and of cron."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

from imager.customize import startable
from imager.rootfs import initsystem
from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imager.rootfs.root import Root

_UNIT = re.compile(r"(etc|usr/lib|usr/local/lib|lib)/systemd/system/([^/]+\.(service|socket|timer|path))")
_SCRIPT = re.compile(r"etc/init\.d/([^/]+)")
_RUN = re.compile(
    r"etc/(cron\.(hourly|daily|weekly|monthly)|periodic/[^/]+|network/if-[a-z-]+\.d)/[^/.]+|etc/local\.d/.*\.start"
)
"""Files that something starts because of where they are. Those with a dot in the name are left alone."""
_TABLE = re.compile(r"etc/crontab|etc/cron\.d/[^/.]+|(var/spool/cron|etc)/crontabs/[^/]+")
_INITTAB = "etc/inittab"
_ENTRY = re.compile(r"^[ \t]*(?!\w+\s*=)(?:@\w+\s+|(?:\S+\s+){5})(.*)")
"""A line of cron, behind its times."""
_PROGRAM = re.compile(r"-?(/[^\s;&|<>$`'\"()]+)")
_STARTS = (b"#!", b"\x7fELF", b"\xef\xbb\xbf#!")


def broken(root: Root, paths: Iterable[str]) -> dict[str, str]:
    """Return those of `paths` that cannot work as programs, with the reason."""
    found = ((path, next(_problems(root, path.strip("/")), "")) for path in paths)
    return {path: problem for path, problem in found if problem}


def _problems(root: Root, path: str) -> Iterator[str]:
    status = root.status(path)
    if status is None or not stat.S_ISREG(status.st_mode):
        return
    if unit := _UNIT.fullmatch(path):
        found = [startable.problem_of_service(root, unit[2])] if initsystem.find(root) == initsystem.SYSTEMD else []
    elif script := _SCRIPT.fullmatch(path):
        found = [startable.problem_of_service(root, script[1])]
    elif path == _INITTAB:
        found = [_problem_of_command(root, line.split(":", 3)[-1]) for line in _entries(root, path)]
    elif _TABLE.fullmatch(path):
        found = list(_of_cron(root, path))
    elif _RUN.fullmatch(path) or (status.st_mode & 0o111 and root.head(path, 5).startswith(_STARTS)):
        found = [startable.problem_of_program(root, f"/{path}")]
    else:
        return
    yield from filter(None, found)


def _of_cron(root: Root, path: str) -> Iterator[str | None]:
    for line in _entries(root, path):
        if line.endswith("\r"):
            yield f"/{path} has the line ends of Windows, which become a part of its commands: save it with LF"
        entry = _ENTRY.fullmatch(line)
        command = entry[1] if entry else ""
        # Only the tables of the system have a user before the command.
        yield _problem_of_command(root, command if "crontabs" in path else command.partition(" ")[2].lstrip())


def _entries(root: Root, path: str) -> Iterator[str]:
    return (line for line in lines(read(root, path)) if line.strip() and not line.lstrip().startswith("#"))


def _problem_of_command(root: Root, command: str) -> str | None:
    program = _PROGRAM.match(command)
    return startable.problem_of_program(root, program[1]) if program else None
