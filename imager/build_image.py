"""`build-image`: turn the system at /system into one image, for Dockerfiles that start FROM claylinux/imager.

The image equals the one from a `claylinux.yaml`. The same modules make it, in one process and one build step.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imager import bootable, failure, image_signing, memory
from imager.archive.compress import Compression
from imager.commands import perform
from imager.core import clock, terminal
from imager.core.errors import ImagerError, UsageError
from imager.image_signing import Checked, Keys
from imager.report import inspection, leftovers
from imager.requests.outputs import BY_FORMAT, Disk
from imager.requests.packing import Initramfs, Layer, Uki
from imager.requests.sbom import Sbom
from imager.rootfs.root import Root
from imager.target import TARGETS
from imager.uki import layout
from spec.compression import LEVELS, NONE
from spec.formats import FORMATS, formats_on_disk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SYSTEM = "/system"
OUTPUT = "/out/claylinux"
EXTENSIONS = {name: row.extension for name, row in FORMATS.items()}
DISK = "disk"
"""The mode in which the system stays on the disk: overlay, with its layers there."""
_SHOWN = 12


@dataclass(frozen=True)
class Options:
    """The checked command line and environment; `output` has no extension, `epoch` is in seconds.

    `sbom`: whether to list what is in the image, in a file beside it.
    """

    format: str
    output: str
    volume: str
    compression: str
    mode: str
    epoch: int
    exclude: tuple[str, ...] = ()
    keys: Keys = image_signing.NONE
    sbom: bool = False

    @property
    def path(self) -> str:
        """The file to write."""
        return f"{self.output}.{EXTENSIONS[self.format]}"


@dataclass(frozen=True)
class Facts:
    """Facts about a bootable system that decide how to pack it."""

    kernel: str
    architecture: str
    cmdline: str
    no_overlay: tuple[str, ...]
    no_disk: tuple[str, ...]
    no_decoder: tuple[str, ...]
    unpacked: int

    def missing_for_overlay(self, options: Options) -> tuple[str, ...]:
        """Return what the kernel lacks for overlay mode, as phrases for a message."""
        modules = self.no_disk if options.mode == DISK else self.no_overlay
        return memory.missing_for_overlay(modules, self.no_decoder, options.compression)

    def mode(self, options: Options) -> str:
        """Return the mode that keeps the system in memory; raises ImagerError if the kernel does not support it."""
        lacks = self.missing_for_overlay(options)
        if options.mode in (memory.OVERLAY, DISK) and lacks:
            raise ImagerError(
                f"the kernel {self.kernel} has no {' and no '.join(lacks)}, which {options.mode} mode needs: "
                "use --rootfs tmpfs or another kernel"
            )
        if options.mode == "auto":
            return memory.TMPFS if lacks else memory.OVERLAY
        return memory.OVERLAY if options.mode == DISK else options.mode


def main(
    argv: Sequence[str], environment: Mapping[str, str] = os.environ, system: str = SYSTEM, version: str = ""
) -> int:
    """Build one image and return the exit code: 0 done, 1 failed, 2 wrong usage. `version` is that of Claylinux."""
    try:
        options = parse_options(argv, environment)
    except UsageError as error:
        return failure.tell("build-image", f"{error}; see build-image --help", failure.MISUSED)
    return failure.attempt("build-image", lambda: build(options, system, version), options)


def parse_options(argv: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Parse the command line and environment; raises UsageError."""
    arguments = _parser().parse_args(argv)
    Compression.parse(arguments.compression)
    if arguments.output.rpartition("/")[2] in ("", ".", ".."):
        raise UsageError(
            f"--output {arguments.output!r} has no file name: give a path without extension, for example {OUTPUT}"
        )
    if arguments.rootfs == DISK and not FORMATS[arguments.format].has_disk:
        raise UsageError(
            f"--format {arguments.format} has no disk for --rootfs disk: use {', '.join(formats_on_disk())}"
        )
    return Options(
        format=arguments.format,
        output=arguments.output,
        volume=arguments.volume,
        compression=arguments.compression,
        mode=arguments.rootfs,
        epoch=_epoch(environment.get("SOURCE_DATE_EPOCH", "")),
        exclude=_patterns(arguments.exclude),
        keys=image_signing.of(arguments),
        sbom=arguments.sbom,
    )


def _patterns(texts: Sequence[str]) -> tuple[str, ...]:
    for text in texts:
        if not text.strip("/*?"):
            raise UsageError(f"--exclude {text!r} matches everything: name at least a part of a path")
    return tuple(texts)


def _epoch(text: str) -> int:
    try:
        return clock.parse(text) if text else clock.FAT_FIRST
    except ValueError as error:
        raise UsageError(f"invalid SOURCE_DATE_EPOCH {text!r}: {error}") from None


def build(options: Options, system: str, version: str = "") -> None:
    """Make the image that `options` describe; raises ImagerError."""
    facts = examine(system)
    with tempfile.TemporaryDirectory() as scratch:
        ram = _make(options, system, facts, image_signing.check(options.keys, scratch, options.epoch))
    if options.sbom:
        _list(options, system, facts, version)
    _print_summary(options, facts, ram)


def _make(options: Options, system: str, facts: Facts, checked: Checked) -> int:
    """Write the image; return the memory in bytes that booting needs."""
    target = TARGETS[facts.architecture]
    directory = Path(options.path).parent
    directory.mkdir(parents=True, exist_ok=True)
    overlay = facts.mode(options) == memory.OVERLAY
    # On the file system of the output, so that the kernel can share blocks instead of copying them.
    with tempfile.TemporaryDirectory(prefix=".build-image-", dir=directory) as scratch:
        segment, uki = f"{scratch}/segment", f"{scratch}/uki.json"
        common: dict[str, Any] = {
            "output": segment,
            "compression": options.compression,
            "epoch": options.epoch,
            "exclude": options.exclude,
        }
        if overlay:
            perform(Layer(system=system, verified=options.mode == DISK, **common))
        else:
            perform(Initramfs(system=system, init=target.init, **common))
        laid_out = Uki(
            system=system,
            kernel_version=facts.kernel,
            initrd=(segment,),
            cmdline=facts.cmdline or target.consoles,
            stub=target.stub,
            architecture=facts.architecture,
            output=uki,
            epoch=options.epoch,
            init=target.init,
            layers=1 if overlay else 0,
            on_disk=options.mode == DISK,
            os_release=FORMATS[options.format].os_release,
            signer=checked.signer,
            pcr_key=checked.pcr_key,
        )
        perform(laid_out)
        uki = image_signing.sign(options.keys, uki, options.path, Path(options.output).name, options.epoch)
        make = BY_FORMAT[options.format]
        label = {"label": options.volume} if issubclass(make, Disk) else {}
        perform(make(uki=uki, output=options.path, architecture=facts.architecture, epoch=options.epoch, **label))
        size, mode = layout.load(uki).size, facts.mode(options)
        return memory.required_ram(mode, size, facts.unpacked, stub_adds=laid_out.stub_adds)


def _list(options: Options, system: str, facts: Facts, version: str) -> None:
    """Write what is in the image. Where a system comes from is known to the Dockerfile only."""
    target = TARGETS[facts.architecture]
    perform(
        Sbom(
            system=system,
            output=f"{options.output}.spdx.json",
            name=Path(options.output).name,
            generator=version,
            file={},
            stub=target.stub,
            init=target.init,
            epoch=options.epoch,
        )
    )


def _print_summary(options: Options, facts: Facts, ram: int) -> None:
    mode = facts.mode(options)
    size = Path(options.path).stat().st_size / (1 << 20)
    terminal.tell(
        f"build-image: {options.path}: Linux {facts.kernel} for {facts.architecture}, {size:.1f} MiB; "
        f"{memory.describe(mode, ram, facts.missing_for_overlay(options) if options.mode == 'auto' else ())}"
    )


def examine(system: str) -> Facts:
    """Return how to boot a system; raises ImagerError with the missing part."""
    if not Path(system).is_dir():
        raise ImagerError(
            f"there is no directory {system}: mount the system, "
            f"for example RUN --mount=from=STAGE,target={system} build-image"
        )
    root = Root(Path(system))
    stops = leftovers.find(root, root)["disarmed"]
    if stops:
        shown = ", ".join(stops[:_SHOWN]) + (f" and {len(stops) - _SHOWN} more" if len(stops) > _SHOWN else "")
        terminal.tell(
            f"build-image: warning: these entries can stop the boot of a system in memory: {shown}", error=True
        )
    found = inspection.inspect(root)
    kernels = found["kernels"]
    if found["init"] is None:
        raise ImagerError(f"{bootable.NO_INIT}: install an init system (Debian: systemd-sysv; Alpine: alpine-base)")
    if not kernels:
        raise ImagerError(f"{bootable.NO_KERNEL}: install one (Debian: linux-image-amd64; Alpine: linux-lts)")
    if len(kernels) > 1:
        versions = ", ".join(kernel["version"] for kernel in kernels)
        raise ImagerError(f"the system has {len(kernels)} kernels ({versions}): remove all but one")
    (kernel,) = kernels
    if kernel["machine"] not in TARGETS:
        problem = f"is for {kernel['machine']}" if kernel["machine"] else "has no EFI stub"
        needed = " or ".join(TARGETS)
        raise ImagerError(f"the kernel /{kernel['path']} {problem}: install an EFI kernel for {needed}")
    if found["init_machine"] not in (None, kernel["machine"]):
        raise ImagerError(
            f"{found['init']} is for {found['init_machine']}, but the kernel is for {kernel['machine']}: "
            "install both for the same architecture"
        )
    return Facts(
        kernel=kernel["version"],
        architecture=kernel["machine"],
        cmdline=found["boot_cmdline"] or "",
        no_overlay=tuple(found["no_overlay"].get(kernel["version"], ())),
        no_disk=tuple(found["no_disk"].get(kernel["version"], ())),
        no_decoder=tuple(found["no_decoder"].get(kernel["version"], ())),
        unpacked=memory.unpacked_size(found["size"], found["files"]),
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(message)


def _parser() -> argparse.ArgumentParser:
    formats = "\n".join(f"  {row.name:6} OUTPUT.{EXTENSIONS[row.name]:6} {row.summary}" for row in FORMATS.values())
    environment = (
        "environment:\n  SOURCE_DATE_EPOCH    the latest time of any file in the image, in seconds since 1970-01-01 UTC"
    )
    parser = _Parser(
        prog="build-image",
        description=f"Make a bootable image from the system mounted at {SYSTEM}.",
        epilog=f"formats:\n{formats}\n\n{environment}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "-f",
        "--format",
        choices=FORMATS,
        default="raw",
        metavar="FORMAT",
        help="one of the formats below (default: %(default)s)",
    )
    parser.add_argument("-o", "--output", default=OUTPUT, help="path without extension (default: %(default)s)")
    parser.add_argument(
        "-v", "--volume", default="CLAYLINUX", help="label of the boot file system (default: %(default)s)"
    )
    parser.add_argument(
        "-c",
        "--compression",
        default="zstd",
        metavar="KIND[:LEVEL]",
        help=f"{', '.join((NONE, *LEVELS))} (default: %(default)s)",
    )
    parser.add_argument(
        "-r",
        "--rootfs",
        choices=("auto", memory.OVERLAY, memory.TMPFS, DISK),
        default="auto",
        metavar="MODE",
        help="overlay: compressed in memory; tmpfs: unpacked at boot; disk: verified from a partition of the disk; "
        "auto: overlay if the kernel supports it (default: %(default)s)",
    )
    parser.add_argument(
        "-x",
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave out matching files and directories, such as /usr/share/icons/ or *.pyc; may be repeated",
    )
    image_signing.add_options(parser)
    parser.add_argument("--sbom", action="store_true", help="write OUTPUT.spdx.json, too: what is in the image (SPDX)")
    return parser
