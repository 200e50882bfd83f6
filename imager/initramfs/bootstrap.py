"""The first archive of an initramfs in overlay mode: our init, and the kernel modules it needs to mount the layers.

    /init
    /.claylinux/modules/NN-NAME.ko     uncompressed, in load order
    /.claylinux/layers/count           the number of layers, which follow in their own archives (`layers`)

The archive has about 1 MB and goes into the UKI uncompressed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imager.archive import cpio
from imager.core.errors import ImagerError
from imager.kernel import moddep, modfile
from imager.rootfs import tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imager.kernel.moddep import Modules
    from imager.rootfs.root import Root
    from imager.rootfs.tree import Entry

NEEDED = ("loop", "squashfs", "overlay")
"""The modules that init needs."""
_MODULES = tree.PRIVATE + b"/modules"


def archive(root: Root, version: str, init: Path, layer_count: int, epoch: int) -> bytes:
    """Return the archive for the kernel `version` and the layers; raises ImagerError if a module is missing."""
    if not init.is_file():
        raise ImagerError(f"the init program {init} is not a file")
    modules = moddep.load(root, version)
    if lacking := _missing(modules):
        raise ImagerError(
            f"the kernel {version} has no module {', '.join(lacking)}, which overlay mode needs: "
            "use rootfs.mode: tmpfs or another kernel"
        )
    found = moddep.files(root, version, modules, modules.load_order(NEEDED))
    programs = ((name, modfile.read(root, path)) for name, path in found)
    made = bytearray()
    for number, (entry, data) in enumerate(_content(programs, init, layer_count), 1):
        rdev = (os.major(entry.rdev), os.minor(entry.rdev))
        made += cpio.header(entry.path, ino=number, mode=entry.mode, mtime=epoch, size=len(data), rdev=rdev)
        made += data + cpio.padding(len(data))
    return bytes(made + cpio.TRAILER)


def missing(root: Root, version: str) -> tuple[str, ...]:
    """Return the modules in `NEEDED` that the kernel `version` has neither as a file nor built in."""
    return _missing(moddep.load(root, version))


def _missing(modules: Modules) -> tuple[str, ...]:
    return tuple(name for name in NEEDED if name not in modules)


def _content(programs: Iterable[tuple[str, bytes]], init: Path, count: int) -> Iterator[tuple[Entry, bytes]]:
    """Yield the content of the archive; `programs` are the modules in load order."""
    for name, mode in tree.MOUNT_POINTS.items():
        if name in (b"dev", b"proc"):
            yield tree.synthetic_entry(name, stat.S_IFDIR | mode), b""
    yield tree.synthetic_entry(b"dev/console", stat.S_IFCHR | 0o600, rdev=os.makedev(5, 1)), b""
    yield tree.synthetic_entry(b"init", stat.S_IFREG | 0o755), init.read_bytes()
    for directory in (tree.PRIVATE, _MODULES, tree.LAYERS):
        yield tree.synthetic_entry(directory, stat.S_IFDIR | 0o700), b""
    for number, (module, program) in enumerate(programs):
        yield tree.synthetic_entry(_MODULES + b"/%02d-%b.ko" % (number, module.encode()), stat.S_IFREG | 0o600), program
    yield tree.synthetic_entry(tree.LAYERS + b"/count", stat.S_IFREG | 0o600), b"%d\n" % count
