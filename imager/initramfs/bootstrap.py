"""The first archive of an initramfs in overlay mode: our init, and the kernel modules it needs to mount the layers.

    /init
    /.claylinux/modules/NN-NAME.ko     uncompressed, in load order
    /.claylinux/layers/count           the number of layers, which follow in their own archives (`layers`)

and if the layers are on a disk:

    /.claylinux/layers/disk            where they are (`disk_layers`)
    /.claylinux/layers/copied          there if init copies them to memory
    /.claylinux/drivers/list           which drivers are for which devices (`drivers`)
    /.claylinux/drivers/NAME           these drivers

The archive has 1.5 MB, with drivers 14 MB. At boot it is in memory several times, so it is compressed, in the format
that all kernels read: 0.5 MB, with drivers 3.5 MB.
"""

from __future__ import annotations

import os
import stat
import zlib
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from imager.archive import cpio
from imager.core.errors import ImagerError
from imager.initramfs import disk_layers, drivers
from imager.kernel import moddep, modfile
from imager.rootfs import tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imager.initramfs.disk_layers import DiskLayer
    from imager.kernel.moddep import Modules
    from imager.rootfs.root import Root
    from imager.rootfs.tree import Entry

NEEDED = ("loop", "squashfs", "overlay")
"""The modules that init needs."""
NEEDED_ON_DISK = ("dm_mod", "dm_verity", "squashfs", "overlay")
"""The same for layers on a disk, beside drivers."""
NEEDED_FOR_COPY = ("loop",)
"""More of them, if init copies these layers."""
_MODULES = tree.PRIVATE + b"/modules"
_DRIVERS = tree.PRIVATE + b"/drivers"
_GZIP = zlib.MAX_WBITS | 16
"""The format of gzip, without a name or a time."""


def archive(
    root: Root,
    version: str,
    init: Path,
    layer_count: int,
    epoch: int,
    on_disk: tuple[DiskLayer, ...] = (),
    *,
    copied: bool = False,
) -> bytes:
    """Return the archive for the kernel `version` and the layers; raises ImagerError if a module is missing.

    `on_disk` are the layers, if they are there and not in the initramfs; `copied`: init copies them to memory.
    """
    if not init.is_file():
        raise ImagerError(f"the init program {init} is not a file")
    modules = moddep.load(root, version)
    needed = (*NEEDED_ON_DISK, *(NEEDED_FOR_COPY if copied else ())) if on_disk else NEEDED
    if lacking := _missing(modules, needed):
        remedy = "remove rootfs.source: disk" if on_disk else "use rootfs.mode: tmpfs"
        raise ImagerError(
            f"the kernel {version} has no module {', '.join(lacking)}, which overlay mode needs: "
            f"{remedy} or another kernel"
        )
    programs = _read(root, version, modules, modules.load_order(needed))
    content = chain(
        _content(programs, init, layer_count),
        _for_disk(on_disk, copied=copied) if on_disk else (),
        _drivers(root, version, modules) if on_disk else (),
    )
    return zlib.compress(_pack(content, epoch), wbits=_GZIP)


def _pack(content: Iterable[tuple[Entry, bytes]], epoch: int) -> bytes:
    """Return an archive with these files."""
    made = bytearray()
    for number, (entry, data) in enumerate(content, 1):
        rdev = (os.major(entry.rdev), os.minor(entry.rdev))
        made += cpio.header(entry.path, ino=number, mode=entry.mode, mtime=epoch, size=len(data), rdev=rdev)
        made += data + cpio.padding(len(data))
    return bytes(made + cpio.TRAILER)


def missing(root: Root, version: str) -> tuple[str, ...]:
    """Return the modules in `NEEDED` that the kernel `version` has neither as a file nor built in."""
    return _missing(moddep.load(root, version), NEEDED)


def missing_on_disk(root: Root, version: str) -> tuple[str, ...]:
    """Return the same of `NEEDED_ON_DISK`."""
    return _missing(moddep.load(root, version), NEEDED_ON_DISK)


def _missing(modules: Modules, needed: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in needed if name not in modules)


def _read(root: Root, version: str, modules: Modules, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield modules with their programs."""
    for name, path in moddep.files(root, version, modules, names):
        yield name, modfile.read(root, path)


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


def _for_disk(layers: tuple[DiskLayer, ...], *, copied: bool) -> Iterator[tuple[Entry, bytes]]:
    yield tree.synthetic_entry(tree.LAYERS + b"/disk", stat.S_IFREG | 0o600), disk_layers.records(layers)
    if copied:
        yield tree.synthetic_entry(tree.LAYERS + b"/copied", stat.S_IFREG | 0o600), b""


def _drivers(root: Root, version: str, modules: Modules) -> Iterator[tuple[Entry, bytes]]:
    """Yield the content of the archive with drivers, which init gets from the kernel like the rest."""
    found = drivers.find(root, version, modules)
    yield tree.synthetic_entry(_DRIVERS, stat.S_IFDIR | 0o700), b""
    records = b"".join(driver.record() for driver in found)
    yield tree.synthetic_entry(_DRIVERS + b"/list", stat.S_IFREG | 0o600), records
    # init has loaded what every disk needs before it looks for drivers.
    loaded = frozenset(modules.load_order(NEEDED_ON_DISK))
    names = dict.fromkeys(name for driver in found for name in (*driver.needs, driver.name) if name not in loaded)
    for name, program in _read(root, version, modules, names):
        yield tree.synthetic_entry(_DRIVERS + b"/" + name.encode(), stat.S_IFREG | 0o600), program
