"""`build-image`: the system at /system as one image, for Dockerfiles that start FROM claylinux/imager.

It makes what a `claylinux.yaml` makes, with the same modules, in one process and one build step.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imager import bootable, failure, memory
from imager.archive.compress import Compression
from imager.commands import perform
from imager.core import clock
from imager.core.errors import ImagerError, UsageError
from imager.report import inspection
from imager.requests.outputs import BY_FORMAT, Disk
from imager.requests.packing import Initramfs, Layer, Uki
from imager.rootfs.root import Root
from imager.target import TARGETS
from imager.uki import layout
from spec.compression import LEVELS, NONE
from spec.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SYSTEM = "/system"
OUTPUT = "/out/claylinux"
EXTENSIONS = {name: row.extension for name, row in FORMATS.items()} | {"raw": "img"}
"""Names end as Dockerfiles that use `build-image` have always expected."""


@dataclass(frozen=True)
class Choice:
    """What the command line and the environment ask for; `output` is without extension, `epoch` in seconds."""

    format: str
    output: str
    volume: str
    compression: str
    mode: str
    epoch: int

    @property
    def path(self) -> str:
        """The file to make."""
        return f"{self.output}.{EXTENSIONS[self.format]}"


@dataclass(frozen=True)
class Facts:
    """What of a bootable system decides how it is packed."""

    kernel: str
    architecture: str
    cmdline: str
    no_overlay: tuple[str, ...]
    no_decoder: tuple[str, ...]
    unpacked: int

    def lacks(self, choice: Choice) -> tuple[str, ...]:
        """Give what the kernel lacks for overlay mode, in words."""
        return memory.lacking(self.no_overlay, self.no_decoder, choice.compression)

    def mode(self, choice: Choice) -> str:
        """Give how the system is kept in memory. Raises ImagerError."""
        lacks = self.lacks(choice)
        if choice.mode == memory.OVERLAY and lacks:
            raise ImagerError(f"the kernel {self.kernel} has no {' and no '.join(lacks)}: --rootfs tmpfs")
        if choice.mode == "auto":
            return memory.TMPFS if lacks else memory.OVERLAY
        return choice.mode


def main(argv: Sequence[str], environment: Mapping[str, str] = os.environ, system: str = SYSTEM) -> int:
    """Build one image; 0 done, 1 cannot be done, 2 wrong usage."""
    try:
        choice = choose(argv, environment)
    except UsageError as error:
        return failure.tell("build-image", f"{error}; build-image --help tells more", failure.MISUSED)
    return failure.attempt("build-image", lambda: build(choice, system), choice)


def choose(argv: Sequence[str], environment: Mapping[str, str]) -> Choice:
    """Read the command line; raises UsageError."""
    options = _parser().parse_args(argv)
    Compression.parse(options.compression)
    if options.output.rpartition("/")[2] in ("", ".", ".."):
        raise UsageError(f"--output {options.output!r} names no file: give a path without extension")
    return Choice(
        format=options.format,
        output=options.output,
        volume=options.volume,
        compression=options.compression,
        mode=options.rootfs,
        epoch=_epoch(environment.get("SOURCE_DATE_EPOCH", "")),
    )


def _epoch(text: str) -> int:
    try:
        return clock.parse(text) if text else clock.FAT_FIRST
    except ValueError as error:
        raise UsageError(f"invalid SOURCE_DATE_EPOCH {text!r}: {error}") from None


def build(choice: Choice, system: str) -> None:
    """Make the image that `choice` describes; raises ImagerError."""
    facts = judge(system)
    target = TARGETS[facts.architecture]
    folder = Path(choice.path).parent
    folder.mkdir(parents=True, exist_ok=True)
    overlay = facts.mode(choice) == memory.OVERLAY
    # Beside the output: on the same file system the pieces are joined without copying, where it can do that.
    with tempfile.TemporaryDirectory(prefix=".build-image-", dir=folder) as scratch:
        segment, uki = f"{scratch}/segment", f"{scratch}/uki.json"
        common: dict[str, Any] = {"output": segment, "compression": choice.compression, "epoch": choice.epoch}
        if overlay:
            perform(Layer(system=system, **common))
        else:
            perform(Initramfs(system=system, init=target.init, **common))
        perform(
            Uki(
                system=system,
                kernel_version=facts.kernel,
                initrd=(segment,),
                cmdline=facts.cmdline or target.consoles,
                stub=target.stub,
                architecture=facts.architecture,
                output=uki,
                epoch=choice.epoch,
                init=target.init,
                layers=1 if overlay else 0,
                os_release=_has_os_release(choice),
            )
        )
        make = BY_FORMAT[choice.format]
        label = {"label": choice.volume} if issubclass(make, Disk) else {}
        perform(make(uki=uki, output=choice.path, architecture=facts.architecture, epoch=choice.epoch, **label))
        size = layout.load(uki).size
    _tell(choice, facts, size)


def _has_os_release(choice: Choice) -> bool:
    return FORMATS[choice.format].os_release


def _tell(choice: Choice, facts: Facts, uki: int) -> None:
    mode = facts.mode(choice)
    size = Path(choice.path).stat().st_size / (1 << 20)
    ram = memory.need(mode, uki, facts.unpacked, os_release=_has_os_release(choice))
    print(  # noqa: T201
        f"build-image: {choice.path}: Linux {facts.kernel} for {facts.architecture}, {size:.1f} MiB; "
        f"{memory.told(mode, ram, facts.lacks(choice) if choice.mode == 'auto' else ())}"
    )


def judge(system: str) -> Facts:
    """Find out how to boot a system; raises ImagerError that says what it lacks."""
    if not Path(system).is_dir():
        raise ImagerError(f"there is no {system}: write RUN --mount=from=STAGE,target={system} build-image")
    found = inspection.inspect(Root(Path(system)))
    kernels = found["kernels"]
    if found["init"] is None:
        raise ImagerError(f"{bootable.NO_INIT}: install an init system (Debian: systemd-sysv; Alpine: alpine-base)")
    if not kernels:
        raise ImagerError(f"{bootable.NO_KERNEL}: install one")
    if len(kernels) > 1:
        versions = ", ".join(kernel["version"] for kernel in kernels)
        raise ImagerError(f"the system has {len(kernels)} kernels ({versions}): remove all but one")
    (kernel,) = kernels
    if kernel["machine"] not in TARGETS:
        problem = f"is for {kernel['machine']}" if kernel["machine"] else "has no EFI stub"
        raise ImagerError(f"the kernel /{kernel['path']} {problem}: an EFI kernel for {' or '.join(TARGETS)} is needed")
    if found["init_machine"] not in (None, kernel["machine"]):
        raise ImagerError(
            f"{found['init']} is a program for {found['init_machine']}, the kernel for {kernel['machine']}"
        )
    return Facts(
        kernel=kernel["version"],
        architecture=kernel["machine"],
        cmdline=found["boot_cmdline"] or "",
        no_overlay=tuple(found["no_overlay"].get(kernel["version"], ())),
        no_decoder=tuple(found["no_decoder"].get(kernel["version"], ())),
        unpacked=memory.unpacked_size(found["size"], found["files"]),
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(message)


def _parser() -> argparse.ArgumentParser:
    formats = "\n".join(f"  {row.name:6} OUTPUT.{EXTENSIONS[row.name]:6} {row.summary}" for row in FORMATS.values())
    parser = _Parser(
        prog="build-image",
        description=f"Make a bootable image of the system mounted at {SYSTEM}.",
        epilog=f"formats:\n{formats}\n\nSOURCE_DATE_EPOCH, in seconds: nothing in the image is dated later.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "-f",
        "--format",
        choices=FORMATS,
        default="raw",
        metavar="FORMAT",
        help="one of those below (%(default)s)",
    )
    parser.add_argument("-o", "--output", default=OUTPUT, help="path and name without extension (%(default)s)")
    parser.add_argument("-v", "--volume", default="CLAYLINUX", help="label of the boot file system (%(default)s)")
    parser.add_argument(
        "-c",
        "--compression",
        default="zstd",
        metavar="KIND[:LEVEL]",
        help=f"{', '.join((NONE, *LEVELS))} (%(default)s)",
    )
    parser.add_argument(
        "-r",
        "--rootfs",
        choices=("auto", memory.OVERLAY, memory.TMPFS),
        default="auto",
        metavar="MODE",
        help="overlay: compressed in memory; tmpfs: unpacked at boot; auto: overlay where the kernel can (%(default)s)",
    )
    return parser
