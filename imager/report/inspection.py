"""The facts about a system, without a verdict: the frontend decides what they mean.

The report is a JSON object with sorted keys:

    boot_cmdline     the lines of /boot/cmdline as one line, or null
    broken           {path: why it cannot work as a program}: of the paths that were asked about
    files            number of paths that would ship, 0 if not counted
    hidden_files     {path: the mount point or directory that hides it}: of the paths that were asked about
    hidden_homes     {user: [home, what hides it]}: of the users that were asked about
    init             the first that exists of /sbin/init, /usr/sbin/init, /lib/systemd/systemd, or null
    init_machine     its architecture, or null if it is not an ELF program; with `state`, that of what it becomes
    kernels          [{"machine", "path", "version"}], by version; machine is null if it is not an EFI program
    kernel_tree      the reports of `imager.kernel.kernel_tree` in one, {} without any
    leftovers        what `base` has left from a disk (see `imager.report.leftovers`), {} if there is no such base
    microcode        paths of microcode images, in the order of the initramfs
    modules          versions with a modules directory
    no_decoder       {version: compressions of layers that a kernel cannot read}, without kernels that read all
    no_disk          {version: modules that a kernel lacks for layers on a disk}, without kernels that have all
    no_overlay       {version: modules that a kernel lacks for overlay mode}, without kernels that have all
    os_release       the fields of os-release, {} if there is none
    size             bytes of file content that would ship, 0 if not counted
    unknown_modules  {version: {name: a similar name or null}}: requested modules that a kernel lacks
    target_files     the existing ones of etc/{hostname,hosts,resolv.conf}.target
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imager.core import machine, output
from imager.core.errors import ImagerError
from imager.initramfs import bootstrap, segments
from imager.kernel import kernels, microcode, moddep, squashfs_support
from imager.report import findings, leftovers
from imager.report.broken import broken
from imager.report.hidden import hidden_files, hidden_homes
from imager.rootfs import initsystem, osrelease, tree
from imager.rootfs.root import Root
from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from collections.abc import Callable

    from imager.requests.reports import Inspect

_CMDLINE = 64 << 10
"""More bytes than any kernel takes."""
_INITS = ("/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd")


def run(request: Inspect) -> None:
    """Write the report."""
    root = Root(Path(request.system))
    if not root.path.is_dir():
        raise ImagerError(f"the system {request.system} is not a directory")
    facts = inspect(root, weigh=request.weigh)
    facts["unknown_modules"] = _unknown_modules(root, request.module)
    facts["broken"] = broken(root, request.path)
    facts["hidden_files"] = hidden_files(root, request.path)
    facts["hidden_homes"] = hidden_homes(root, request.user)
    facts["leftovers"] = leftovers.find(Root(Path(request.base)), root) if request.base else {}
    facts["kernel_tree"] = findings.merged(request.kernel_tree)
    output.save_json(request.output, facts, 0)


def inspect(root: Root, *, weigh: bool = True) -> dict[str, Any]:
    """Return the report as a value."""
    init = next((path for path in _INITS if root.file(path) is not None), None)
    own = initsystem.STARTED if init and root.real(init) == initsystem.START else init
    names = root.names("etc")
    found = kernels.find(root)
    return {
        "boot_cmdline": _cmdline(root),
        "init": init,
        "init_machine": machine.of_elf(root.head(own, machine.HEAD)) if own else None,
        "kernels": [asdict(kernel) for kernel in found],
        "microcode": list(microcode.images(root)),
        "modules": list(kernels.module_versions(root)),
        "no_decoder": _lacking(squashfs_support.missing, root, found),
        "no_disk": _lacking(bootstrap.missing_on_disk, root, found),
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


def _cmdline(root: Root) -> str | None:
    """Return all lines of /boot/cmdline as one; white space within a line may be quoted, so it stays."""
    path = "boot/cmdline"
    if root.file(path) is None:
        return None
    words = (line.strip(" \t\r") for line in lines(read(root, path, _CMDLINE, errors="backslashreplace")))
    text = " ".join(word for word in words if word)
    if not text.replace("\t", " ").isprintable():
        raise ImagerError(f"/{path} must be text that can be printed, such as: quiet console=ttyS0")
    return text


def _unknown_modules(root: Root, names: tuple[str, ...]) -> dict[str, dict[str, str | None]]:
    """Return the `names` that each kernel lacks; kernels without a list of modules are ignored."""
    found: dict[str, dict[str, str | None]] = {}
    for version in kernels.module_versions(root) if names else ():
        modules = moddep.load(root, version)
        if modules.paths:
            found[version] = {name: moddep.similar(name, modules) for name in names if name not in modules}
    return found


def _count(root: Root) -> dict[str, int]:
    """Count the files that would ship; data with several names counts once."""
    return asdict(segments.total(tree.walk(os.fsencode(root.path))))
