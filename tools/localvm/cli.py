"""`tools/run-vm IMAGE`: show the console of an image, or wait for a text on it."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from localvm import host
from localvm.console import running
from localvm.errors import VmError
from localvm.machine import BUSES, Drive, Machine, command_line

_FORMATS = {"": "raw", "img": "raw", "iso": "raw", "vhd": "vpc"}
"""QEMU's names of formats whose files end with another word."""


def main(arguments: list[str]) -> int:
    """Run the command and return the exit code: 0 done, 1 failed, 2 wrong usage."""
    options = _parse(arguments)
    try:
        machine = _machine(options)
        if options.until is None:
            return _interactive(machine)
        with running(machine, echo=_show) as console:
            console.expect(options.until, options.timeout)
        print(f"\n\nrun-vm: the guest showed {options.until!r}; the machine is off", flush=True)  # noqa: T201
    except VmError as error:
        print(f"\nrun-vm: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/run-vm", description="Boot an image in QEMU with UEFI firmware.")
    parser.add_argument("image", type=Path, help="an output of any format")
    parser.add_argument("--memory", type=int, default=1024, metavar="MIB", help="RAM of the machine (default: 1024)")
    parser.add_argument(
        "--arch",
        choices=host.PROGRAMS,
        default="amd64",
        dest="architecture",
        help="processor of the machine (default: amd64)",
    )
    parser.add_argument(
        "--variables",
        type=Path,
        metavar="FILE",
        help="variables of UEFI firmware with keys for Secure Boot: it verifies the image",
    )
    parser.add_argument("--bus", choices=BUSES, help="connection of the image (default: virtio; cdrom for an .iso)")
    parser.add_argument(
        "--network", action="store_true", help="connect the guest to a network (DHCP) from which it reaches nothing"
    )
    parser.add_argument(
        "--internet",
        action="store_true",
        help="let the guest reach everything that the host reaches, also the host's loopback services (10.0.2.2)",
    )
    parser.add_argument(
        "--forward",
        type=_forward,
        action="append",
        default=[],
        metavar="PORT:GUEST",
        help="forward a loopback port of the host to the guest (repeatable)",
    )
    parser.add_argument(
        "--listen", default="127.0.0.1", metavar="ADDRESS", help="address of forwarded ports (default: 127.0.0.1)"
    )
    parser.add_argument(
        "--until", type=_pattern, metavar="WORD", help="stop when the console shows this regular expression"
    )
    parser.add_argument(
        "--timeout", type=float, default=300, metavar="SECONDS", help="limit for --until (default: 300)"
    )
    return parser.parse_args(arguments)


def _forward(text: str) -> tuple[int, int]:
    ports = text.split(":")
    if len(ports) != 2 or not all(port.isascii() and port.isdigit() and 0 < int(port) < 65536 for port in ports):
        raise argparse.ArgumentTypeError(f"{text!r} must be two ports, for example 8080:80")
    return int(ports[0]), int(ports[1])


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression: {error}") from None
    return text


def _machine(options: argparse.Namespace) -> Machine:
    image: Path = options.image
    if not image.is_file():
        raise VmError(f"there is no image {image}")
    common = {
        "memory_mib": options.memory,
        "kvm": options.architecture == "amd64" and host.kvm_works(),
        "architecture": options.architecture,
        "network": options.network or options.internet or bool(options.forward),
        "restricted": not options.internet,
        "forwards": tuple(options.forward),
        "listen": options.listen,
        "variables": options.variables,
    }
    if image.suffix == ".efi":
        return Machine(kernel=image, **common)
    bus = options.bus or ("cdrom" if image.suffix == ".iso" else "virtio")
    ending = image.suffix.removeprefix(".")
    return Machine(drives=(Drive(path=image, bus=bus, format=_FORMATS.get(ending, ending)),), **common)


def _interactive(machine: Machine) -> int:
    """Replace this process with QEMU, with this terminal as its console. Ctrl-A X ends the machine."""
    host.find_qemu(machine.architecture)
    words = ["-serial", "mon:stdio"]
    command = list(command_line(machine, host.find_firmware(machine.architecture, machine.variables)))
    at = command.index("-serial")
    command[at : at + 2] = words
    speed = "with KVM" if machine.kvm else "with slow emulation, because KVM does not work here"
    print(f"run-vm: starting {speed}; Ctrl-A X ends the machine", flush=True)  # noqa: T201
    os.execvp(command[0], command)


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
