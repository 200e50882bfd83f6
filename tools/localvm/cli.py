"""`tools/run-vm IMAGE`: show an image's console, or wait for a word on it."""

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

_FORMATS = {".qcow2": "qcow2", ".vmdk": "vmdk", ".vhdx": "vhdx", ".vhd": "vpc", ".vdi": "vdi"}


def main(arguments: list[str]) -> int:
    """Run the command and return the exit code: 0 done, 1 the guest did not do it, 2 wrong usage."""
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
    parser.add_argument("image", type=Path, help="a .raw, .iso, .efi, .qcow2, .vmdk, .vhdx, .vhd or .vdi file")
    parser.add_argument("--memory", type=int, default=1024, metavar="MIB", help="RAM of the machine (1024)")
    parser.add_argument("--bus", choices=BUSES, help="how the image is attached (virtio; an .iso: cdrom)")
    parser.add_argument(
        "--network", action="store_true", help="give the guest a network (DHCP), from which it reaches nothing"
    )
    parser.add_argument(
        "--internet",
        action="store_true",
        help="let the guest reach what this machine reaches, services on its loopback interface (10.0.2.2) included",
    )
    parser.add_argument(
        "--forward",
        type=_forward,
        action="append",
        default=[],
        metavar="PORT:GUEST",
        help="make a port of the guest one of the loopback interface (repeatable)",
    )
    parser.add_argument(
        "--listen", default="127.0.0.1", metavar="ADDRESS", help="where forwarded ports listen (127.0.0.1)"
    )
    parser.add_argument(
        "--until", type=_pattern, metavar="WORD", help="stop when the console shows this (a regular expression)"
    )
    parser.add_argument("--timeout", type=float, default=300, metavar="SECONDS", help="give up after (300)")
    return parser.parse_args(arguments)


def _forward(text: str) -> tuple[int, int]:
    ports = text.split(":")
    if len(ports) != 2 or not all(port.isascii() and port.isdigit() and 0 < int(port) < 65536 for port in ports):
        raise argparse.ArgumentTypeError(f"{text!r} is not two ports like 8080:80")
    return int(ports[0]), int(ports[1])


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None
    return text


def _machine(options: argparse.Namespace) -> Machine:
    image: Path = options.image
    if not image.is_file():
        raise VmError(f"there is no image {image}")
    common = {
        "memory_mib": options.memory,
        "kvm": host.kvm_works(),
        "network": options.network or options.internet or bool(options.forward),
        "restricted": not options.internet,
        "forwards": tuple(options.forward),
        "listen": options.listen,
    }
    if image.suffix == ".efi":
        return Machine(kernel=image, **common)
    bus = options.bus or ("cdrom" if image.suffix == ".iso" else "virtio")
    return Machine(drives=(Drive(path=image, bus=bus, format=_FORMATS.get(image.suffix, "raw")),), **common)


def _interactive(machine: Machine) -> int:
    """Become QEMU: its console is this terminal. Leave with Ctrl-A X, or power the guest off."""
    host.find_qemu()
    words = ["-serial", "mon:stdio"]
    command = list(command_line(machine, host.find_firmware()))
    at = command.index("-serial")
    command[at : at + 2] = words
    speed = "with KVM" if machine.kvm else "in emulation, which is slower: KVM does not work here"
    print(f"run-vm: starting {speed}; Ctrl-A X ends the machine", flush=True)  # noqa: T201
    os.execvp(command[0], command)


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
