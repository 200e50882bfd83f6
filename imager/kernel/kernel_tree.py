"""The modules, firmware and microcode of a system, reduced to a selection.

The report is a JSON object of facts, without a verdict:

    not_included       {version: [pattern]}, see `imager.kernel.module_filter`
    not_excluded       {version: [pattern]}
    missing_firmware   {module: [name]}: firmware of modules selected by name that the system lacks
    missing_microcode  vendors with neither an image nor the parts of one
    unmatched_firmware patterns that match no firmware
    removed            {"firmware": bytes, "modules": bytes}
    similar            {version: {name: name or null}}: missing modules to load, each with a similar name
    beyond             {version: [module]}: what machines ask for and the purposes leave out; it stays
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imager.core import output, patterns
from imager.core.errors import ImagerError
from imager.kernel import depmod, firmware, kernels, machines, microcode, moddep, modfile, module_filter, purposes
from imager.rootfs import removal
from imager.rootfs.root import Root
from imager.rootfs.writing import set_time, write_file

if TYPE_CHECKING:
    from imager.kernel.firmware import Firmware
    from imager.kernel.module_filter import Choice
    from imager.requests.kernel import KernelTree

_AUTO, _NONE = "auto", "none"
_FIRMWARE = re.compile(r"[!-~]([ -~]{0,254}[!-~])?")
"""What a module may request: messages show it."""
_PATTERNS = 1000
"""More patterns than all drivers of Linux request; each is compared with every file."""


@dataclass(frozen=True)
class _Kernel:
    """One kernel with its remaining modules, and the firmware that each of them requests."""

    directory: str
    modules: moddep.Modules
    chosen: Choice
    beyond: frozenset[str] = frozenset()
    requested: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def run(request: KernelTree) -> None:
    """Reduce the system and write the report."""
    root = Root(Path(request.system))
    scratch = Path(f"{request.output}.depmod")
    versions = kernels.module_versions(root)
    versions = tuple(version for version in versions if request.kernel_version in ("", version))
    found: dict[str, Any] = {}
    files = firmware.find(root)
    found["missing_microcode"] = [name for name in request.microcode if not _microcode(request, root, files, name)]
    trees = {version: _plan_kernel(request, root, version, scratch) for version in versions}
    removed = {"modules": sum(_remove_modules(request, root, kernel) for kernel in trees.values()), "firmware": 0}
    for version, kernel in trees.items():
        if _chooses(request):
            depmod.run(root, kernel.directory, version, scratch, request.epoch)
    found["not_included"] = {version: list(kernel.chosen.not_included) for version, kernel in trees.items()}
    found["not_excluded"] = {version: list(kernel.chosen.not_excluded) for version, kernel in trees.items()}
    found["similar"] = {
        version: {name: moddep.similar(name, kernel.modules) for name in request.load if name not in kernel.modules}
        for version, kernel in trees.items()
    }
    if request.machine and request.purpose:
        found["beyond"] = {version: sorted(kernel.beyond) for version, kernel in trees.items()}
    keep, unmatched = _select_firmware(request.firmware, files, trees.values())
    found["unmatched_firmware"] = unmatched
    found["missing_firmware"] = _missing_firmware(request, files, trees.values())
    if files.directory and request.firmware:
        removed["firmware"] = removal.remove(root, files.directory, set(files.files) - keep, request.epoch)
    found["removed"] = removed
    output.save_json(request.output, found, 0)


def _plan_kernel(request: KernelTree, root: Root, version: str, scratch: Path) -> _Kernel:
    """Decide which modules of one kernel stay."""
    directory = moddep.directory_of(root, version)
    assert directory is not None
    if root.file(f"{directory}/modules.dep") is None:
        depmod.run(root, directory, version, scratch, request.epoch)
    modules = moddep.load(root, version)
    some, beyond = _for_purposes(request, root, version, modules)
    required = (*request.load, *request.required)
    chosen = module_filter.choose(modules, request.include, request.exclude, required, some)
    requested = _requested_firmware(root, version, modules, chosen.keep) if _AUTO in request.firmware else {}
    return _Kernel(directory, modules, chosen, beyond, requested)


def _for_purposes(
    request: KernelTree, root: Root, version: str, modules: moddep.Modules
) -> tuple[frozenset[str] | None, frozenset[str]]:
    """Return the modules for purposes and machines, None without any, and those that only machines ask for."""
    if not request.purpose and not request.machine:
        return None, frozenset()
    sets = [purposes.PURPOSES[name] for name in request.purpose] or [purposes.SOFTWARE]
    some = frozenset().union(*(each.choose(modules) for each in sets))
    asked = frozenset().union(
        *(machines.drivers(root, version, modules, machines.load(path)) for path in request.machine)
    )
    return some | asked, asked - modules.closure(some)


def _chooses(request: KernelTree) -> bool:
    """Return whether the request is about modules: firmware and microcode leave their lists as they are."""
    return bool(request.purpose or request.machine or request.include or request.exclude)


def _requested_firmware(
    root: Root, version: str, modules: moddep.Modules, keep: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """Return the firmware that modules request, including built-in ones, by module."""
    requested: dict[str, tuple[str, ...]] = {}
    for name, path in moddep.files(root, version, modules, sorted(keep)):
        fields = modfile.modinfo(modfile.read(root, path))
        requested[name] = tuple(value for key, value in fields if key == "firmware" and _FIRMWARE.fullmatch(value))
    built_in = root.read(f"{moddep.directory_of(root, version)}/modules.builtin.modinfo", modfile.METADATA) or b""
    for key, value in modfile.parse_modinfo(built_in):
        name, _, kind = key.partition(".")
        if kind == "firmware" and _FIRMWARE.fullmatch(value):
            requested.setdefault(name, ())
            requested[name] += (value,)
    if sum(map(patterns.is_glob, chain(*requested.values()))) > _PATTERNS:
        raise ImagerError(f"the modules of the kernel {version} request more than {_PATTERNS:,} patterns of firmware")
    return {name: values for name, values in requested.items() if values}


def _remove_modules(request: KernelTree, root: Root, kernel: _Kernel) -> int:
    if not _chooses(request):
        return 0
    gone = {path for name, path in kernel.modules.paths.items() if name not in kernel.chosen.keep}
    return removal.remove(root, kernel.directory, gone, request.epoch)


def _select_firmware(
    wanted: tuple[str, ...], files: Firmware, trees: Iterable[_Kernel]
) -> tuple[frozenset[str], list[str]]:
    """Return the firmware that stays, and the patterns that match none."""
    given = {pattern: files.matching(pattern) for pattern in wanted if pattern not in (_AUTO, _NONE)}
    keep = frozenset().union(*given.values())
    for kernel in trees:
        names = {name for names in kernel.requested.values() for name in names}
        keep = keep.union(*(files.requested(name) for name in sorted(names)))
    return keep, [pattern for pattern, matches in given.items() if not matches]


def _missing_firmware(request: KernelTree, files: Firmware, trees: Iterable[_Kernel]) -> dict[str, list[str]]:
    """Return the missing firmware of modules selected by name; for other modules it is to be expected."""
    found: dict[str, list[str]] = {}
    for kernel in trees:
        for name in sorted(kernel.chosen.named.union(map(moddep.to_name, request.load))):
            lacking = [each for each in kernel.requested.get(name, ()) if not files.requested(each)]
            # Drivers list firmware for many versions and devices, so having some of it is enough.
            if lacking and len(lacking) == len(kernel.requested[name]):
                found[name] = lacking
    return found


def _microcode(request: KernelTree, root: Root, files: Firmware, name: str) -> bool:
    """Create the image of a vendor's microcode if the system has only its parts; return whether there is an image."""
    vendor = microcode.VENDORS[name]
    if root.file(vendor.image) is not None:
        return True
    data = microcode.image(vendor, files, request.epoch)
    if not data:
        return False
    write_file(root, vendor.image, data, epoch=request.epoch)
    set_time(root, "boot", request.epoch)
    # The kernel uses only the image; keeping the parts too would waste many megabytes of memory.
    removal.remove(root, files.directory, microcode.parts(vendor, files), request.epoch)
    return True
