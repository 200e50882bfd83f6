"""What is in a system, without judging it: the frontend decides what that means.

The report is a JSON object with sorted keys:

    boot_cmdline     the lines of /boot/cmdline joined to one, or null
    files            number of paths that would be shipped, 0 when they were not counted
    init             the first of /sbin/init, /usr/sbin/init, /lib/systemd/systemd that exists, or null
    init_machine     its architecture, null when it is no ELF program
    kernels          [{"machine", "path", "version"}], by version; machine null: not an EFI program
    kernel_tree      what `imager.kernel.kernel_tree` found, {} when it was not asked
    microcode        paths of microcode images, in the order in which they are used
    modules          versions that have a modules directory
    no_decoder       {version: compressions whose layers a kernel cannot read}; only kernels of which some are known
    no_overlay       {version: what a kernel lacks for a system of layers}; only kernels that lack something
    os_release       the fields of os-release, {} when there is none
    size             bytes of file content that would be shipped, 0 when they were not counted
    unknown_modules  {version: {name: a similar name or null}}: what a kernel lacks of what was looked for
    target_files     those of etc/{hostname,hosts,resolv.conf}.target that exist
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imager.core import machine, output
from imager.core.errors import ImagerError
from imager.initramfs import bootstrap, segments
from imager.kernel import kernels, microcode, moddep, squashfs_support
from imager.rootfs import osrelease, tree
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from collections.abc import Callable

    from imager.contract import Inspect

_INITS = ("/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd")


def run(request: Inspect) -> None:
    """Write the report."""
    root = Root(Path(request.system))
    if not root.path.is_dir():
        raise ImagerError(f"the system {request.system} is not a directory")
    facts = inspect(root, weigh=request.weigh)
    facts["unknown_modules"] = _unknown_modules(root, request.module)
    facts["kernel_tree"] = json.loads(Path(request.kernel_tree).read_bytes()) if request.kernel_tree else {}
    text = json.dumps(facts, indent=1, sort_keys=True) + "\n"
    with output.writing(request.output, 0) as fd:
        output.write_all(fd, text.encode())


def inspect(root: Root, *, weigh: bool = True) -> dict[str, Any]:
    """Give the report as a value."""
    init = next((path for path in _INITS if root.file(path) is not None), None)
    place = root.file(init) if init else None
    cmdline = root.file("boot/cmdline")
    names = root.names("etc")
    found = kernels.find(root)
    return {
        "boot_cmdline": _one_line(cmdline.read_text(errors="backslashreplace")) if cmdline else None,
        "init": init,
        "init_machine": machine.of_elf(machine.read_head(place)) if place else None,
        "kernels": [asdict(kernel) for kernel in found],
        "microcode": list(microcode.images(root)),
        "modules": list(kernels.module_versions(root)),
        "no_decoder": _lacking(squashfs_support.missing, root, found),
        "no_overlay": _lacking(bootstrap.missing, root, found),
        "os_release": osrelease.fields(osrelease.read(root)),
        "target_files": [f"etc/{name}" for name in names if os.fsencode(name) in tree.TARGET_FILES],
        **(_count(root) if weigh else {"files": 0, "size": 0}),
    }


def _lacking(
    missing: Callable[[Root, str], tuple[str, ...]], root: Root, found: tuple[kernels.Kernel, ...]
) -> dict[str, list[str]]:
    lacking = {kernel.version: list(missing(root, kernel.version)) for kernel in found}
    return {version: names for version, names in lacking.items() if names}


def _one_line(text: str) -> str:
    """Join lines; white space within them may be inside quotes and stays."""
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def _unknown_modules(root: Root, names: tuple[str, ...]) -> dict[str, dict[str, str | None]]:
    """Give which of `names` no kernel has; a kernel whose modules have no list is not judged."""
    found: dict[str, dict[str, str | None]] = {}
    for version in kernels.module_versions(root) if names else ():
        modules = moddep.load(root, version)
        if modules.paths:
            found[version] = {name: moddep.similar(name, modules) for name in names if name not in modules}
    return found


def _count(root: Root) -> dict[str, int]:
    """Count what would be shipped; data under several names counts once."""
    return asdict(segments.total(tree.walk(os.fsencode(root.path))))
