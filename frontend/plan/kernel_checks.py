"""Checks of the key `kernel` against the finished system."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from frontend.config.rules.lint import MISSING_FIRMWARE
from frontend.config.syntax.diagnostics import Diagnostic
from imager.target import takes_microcode
from spec.values.wording import code

from . import state, swap

if TYPE_CHECKING:
    from spec.document import Spec
    from spec.kernel import Kernel

    from .report import Report

_MICROCODE = {
    "intel": "/boot/intel-ucode.img or /usr/lib/firmware/intel-ucode",
    "amd": "/boot/amd-ucode.img or /usr/lib/firmware/amd-ucode",
}


def is_needed(kernel: Kernel) -> bool:
    """Return whether the key asks for anything that the finished system may lack."""
    modules = kernel.modules
    return bool(
        modules.load or modules.include or modules.exclude or kernel.microcode or kernel.firmware not in ((), ("all",))
    )


def problems(spec: Spec, report: Report, version: str, architecture: str) -> Iterator[Diagnostic]:
    """Yield everything that the key asks for and the kernel `version` (empty: any kernel) of the system lacks."""
    kernel, found = spec.kernel, report.kernel_tree
    for index, name in enumerate(kernel.modules.load):
        for each, lacking in sorted(report.unknown_modules.items()):
            if version in ("", each) and name in lacking:
                # Where modules were removed, the one that was meant may be among them.
                near = found.get("similar", {}).get(each, {}).get(name) or lacking[name]
                hint = f": did you mean {code(near)}?" if near else ""
                text = f"`kernel.modules.load`: kernel {each} has no module {code(name)}{hint}"
                yield Diagnostic(spec.positions.of("kernel", "modules", "load", index), text)
    yield from _of_other_keys(spec, report, version)
    for index, pattern in enumerate(kernel.modules.include):
        for each, patterns in sorted(found.get("not_included", {}).items()):
            if version in ("", each) and pattern in patterns:
                hint = "" if "/" in pattern else f": for a directory, write {code(pattern + '/')}"
                text = f"`kernel.modules.include`: no module of kernel {each} matches {code(pattern)}{hint}"
                yield Diagnostic(spec.positions.of("kernel", "modules", "include", index), text)
    for index, pattern in enumerate(kernel.firmware):
        if pattern in found.get("unmatched_firmware", ()):
            text = (
                f"`kernel.firmware`: no firmware file of the system matches {code(pattern)}: "
                "add the package that contains it to `packages`"
            )
            yield Diagnostic(spec.positions.of("kernel", "firmware", index), text)
    for index, vendor in enumerate(kernel.microcode):
        if takes_microcode(architecture) and vendor in found.get("missing_microcode", ()):
            text = (
                f"`kernel.microcode`: the system has no microcode for {vendor} processors: "
                f"expected {_MICROCODE[vendor]}"
            )
            yield Diagnostic(spec.positions.of("kernel", "microcode", index), text)


def needed(spec: Spec) -> dict[str, str]:
    """Return the kernel modules without which other keys have no effect, by key."""
    wanted = {"swap": (swap.ZRAM, swap.modules(spec)), "state": (state.EXT4, state.modules(spec))}
    return {key: module for key, (module, modules) in wanted.items() if modules}


def _of_other_keys(spec: Spec, report: Report, version: str) -> Iterator[Diagnostic]:
    for key, module in needed(spec).items():
        for each, lacking in sorted(report.unknown_modules.items()):
            if version in ("", each) and module in lacking:
                text = f"{code(key)}: kernel {each} has no module {code(module)}: use another kernel, or remove the key"
                yield Diagnostic(spec.positions.of(key), text)


def warnings(spec: Spec, report: Report, version: str, architecture: str) -> Iterator[Diagnostic]:
    """Yield what has no effect, or may not work, on a system that boots nevertheless."""
    kernel, found = spec.kernel, report.kernel_tree
    for index, pattern in enumerate(kernel.modules.exclude):
        if pattern in found.get("not_excluded", {}).get(version, ()):
            text = f"`kernel.modules.exclude`: no module of kernel {version} matches {code(pattern)}"
            yield Diagnostic(spec.positions.of("kernel", "modules", "exclude", index), text, "warning")
    for module, names in sorted(found.get("missing_firmware", {}).items()):
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        text = f"`kernel.firmware`: the module {code(module)} needs firmware that the system does not have: {shown}"
        yield Diagnostic(spec.positions.of("kernel", "firmware"), text, "warning", MISSING_FIRMWARE)
    if kernel.microcode and not takes_microcode(architecture):
        text = f"`kernel.microcode` has no effect on {architecture}: its processors take no microcode from the kernel"
        yield Diagnostic(spec.positions.of("kernel", "microcode"), text, "warning")
