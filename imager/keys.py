"""`keys`: make and renew the keys of Secure Boot in a directory. It is for people, and no part of a build.

docker run --rm -v "$PWD/keys:/keys" claylinux/imager keys
"""

from __future__ import annotations

import argparse
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from imager import failure
from imager.core import terminal
from imager.core.errors import ImagerError, UsageError
from imager.secureboot.keyring import Keyring
from imager.target import HOME

if TYPE_CHECKING:
    from collections.abc import Sequence

DIRECTORY = "/keys"
MICROSOFT = f"{HOME}/microsoft"
"""The certificates of Microsoft in our image."""
_TITLE = r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,40}"
_WARNING = (
    "warning: without Microsoft's certificates, firmware starts none of the programs that graphics, network and "
    "storage cards bring: a machine that needs one may show no picture and not reach its set-up any more. Enroll these "
    "keys only where you know that nothing needs one, such as in virtual machines"
)


def main(argv: Sequence[str], microsoft: str = MICROSOFT) -> int:
    """Do what is asked and return the exit code: 0 done, 1 failed, 2 wrong usage."""
    try:
        arguments = _parser().parse_args(argv)
        if arguments.name and not re.fullmatch(_TITLE, arguments.name):
            raise UsageError(f"--name {arguments.name!r}: use letters, digits, spaces, `-`, `_` and `.`, as in Acme")
    except UsageError as error:
        return failure.tell("keys", f"{error}; see keys --help", failure.MISUSED)
    return failure.attempt("keys", lambda: _try(arguments, Path(microsoft)), arguments)


def _try(arguments: argparse.Namespace, microsoft: Path) -> None:
    try:
        _perform(arguments, microsoft)
    except OSError as error:
        raise ImagerError(f"cannot write to {arguments.directory}: {error.strerror}") from None


def _perform(arguments: argparse.Namespace, microsoft: Path) -> None:
    keyring = Keyring(Path(arguments.directory), int(time.time()))
    match arguments.command:
        case "add":
            keyring.add(arguments.key, arguments.name)
            _tell(f"made {arguments.key}.key: send db-add.auth to your machines, then sign with the new key")
        case "revoke":
            keyring.revoke(arguments.what)
            _tell(f"machines refuse {arguments.what} once they have dbx-add.auth")
        case _:
            keyring.make(arguments.name, None if arguments.no_microsoft else microsoft)
            if arguments.no_microsoft:
                _tell(_WARNING, error=True)
            _tell(f"made PK, KEK and db in {arguments.directory}: keep the files *.key secret, and a copy of them")


def _tell(text: str, *, error: bool = False) -> None:
    terminal.tell(f"keys: {text}", error=error)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="keys",
        description="Make the keys of Secure Boot: PK, KEK and db, with certificates, lists (.esl) and signed updates "
        "(.auth). It never writes over a key.",
        allow_abbrev=False,
    )
    parser.add_argument("--directory", default=DIRECTORY, metavar="DIR", help="where (default: %(default)s)")
    parser.add_argument("--name", default="", help="what the names of certificates start with, such as Acme")
    parser.add_argument(
        "--no-microsoft",
        action="store_true",
        help="do not trust Microsoft's certificates: firmware then starts no program of a graphics, network or storage "
        "card, and a machine may show no picture any more",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    add = commands.add_parser("add", help="make one more key that signs systems, and add it to db", allow_abbrev=False)
    add.add_argument("key", metavar="NAME", help="the name of its files, such as db-2027")
    revoke = commands.add_parser("revoke", help="add a key or a system to dbx, which firmware refuses")
    revoke.add_argument(
        "what", metavar="NAME|SHA256", help="a key of the directory, such as db, or the Authenticode digest of a system"
    )
    return parser
