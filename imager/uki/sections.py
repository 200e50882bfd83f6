"""The content of the Unified Kernel Image: kernel, initramfs and command line as sections of one EFI program.

Section names and meanings: UAPI group, "Unified Kernel Image (UKI)", and systemd-stub(7).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager import memory
from imager.archive import cpio
from imager.core import output, terminal
from imager.core.errors import ImagerError
from imager.initramfs import disk_layers, layer_archive
from imager.kernel import kernels, microcode
from imager.rootfs import osrelease
from imager.rootfs.root import Root
from imager.uki import cmdline, layout, pe, policy_room, signed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imager.initramfs.disk_layers import DiskLayer
    from imager.requests.packing import Uki


def run(request: Uki) -> None:
    """Write the layout."""
    root = Root(Path(request.system))
    line = cmdline.of(request)
    on_disk = disk_layers.lay_out(map(Path, request.initrd)) if request.on_disk else ()
    sections = (
        *_os_release(root, request),
        pe.Section(".cmdline", (line.encode(),)),
        pe.Section(".uname", (request.kernel_version.encode(),)),
        *(policy_room.sections(Path(request.pcr_key).read_bytes()) if request.pcr_key else ()),
        pe.Section(".initrd", _initrd(root, request, line, on_disk)),
        # Last, because some kernels decompress themselves beyond their end.
        pe.Section(".linux", (kernel(root, request.kernel_version, request.architecture),), pe.CODE),
    )
    image = pe.plan(Path(request.stub), request.architecture, sections)
    layers = _partition(on_disk) if on_disk else None
    segments = frozenset(map(Path, request.initrd))
    sizes = {section.name: section.size for section in sections}
    layout.write(
        request.output,
        request.epoch,
        request.architecture,
        image.size,
        sizes,
        image.parts(),
        segments,
        detached=request.detached,
        layers=layers,
    )
    if request.unpacked:
        terminal.tell(_summary(request, image.size, layers))


def _os_release(root: Root, request: Uki) -> Iterator[pe.Section]:
    if request.os_release:
        text = osrelease.with_identity(osrelease.read(root), request.name, request.version)
        yield pe.Section(".osrel", (text.encode(),))


def _partition(layers: tuple[DiskLayer, ...]) -> layout.Partition:
    pieces = tuple(layout.Piece(layer.position, str(layer.place), layer.size) for layer in layers)
    return layout.Partition(str(disk_layers.guid_of(layers)), pieces[-1].at + pieces[-1].size, pieces)


def _summary(request: Uki, size: int, layers: layout.Partition | None) -> str:
    mode = memory.OVERLAY if request.layers else memory.TMPFS
    copied = layers.size if layers and request.copied else 0
    ram = memory.required_ram(mode, size, request.unpacked, stub_adds=request.stub_adds, copied=copied)
    parts = " + ".join(memory.format_size(Path(name).stat().st_size) for name in request.initrd)
    return (
        f"{memory.format_size(size)}, {'and on the disk' if request.on_disk else 'including'} {parts} for the system "
        f"({memory.format_size(request.unpacked)} unpacked); {memory.describe(mode, ram, request.lacks)}"
    )


def kernel(root: Root, version: str, architecture: str) -> Path:
    """Return the file of the kernel `version`, which must be an EFI program for `architecture`."""
    found = {kernel.version: kernel for kernel in kernels.find(root)}
    if version not in found:
        has = f"it has {', '.join(found)}" if found else "it has none: install a kernel package"
        raise ImagerError(f"the system has no kernel {version}; {has}")
    if found[version].machine != architecture:
        kind = found[version].machine
        problem = f"is for {kind}" if kind else "has no EFI stub, which EFI firmware needs"
        raise ImagerError(f"the kernel /{found[version].path} {problem}: install an EFI kernel for {architecture}")
    return _payload(root, found[version].path, kernels.LIMIT)


def _payload(root: Root, path: str, limit: int) -> Path:
    """Return the place of a file that is put into the program as it is."""
    place = root.file(path)
    assert place is not None
    size = place.stat().st_size
    if size > limit:
        raise ImagerError(f"/{path} has {size:,} bytes: such a file may have {limit:,}")
    return place


def _initrd(root: Root, request: Uki, line: str, on_disk: tuple[DiskLayer, ...]) -> tuple[bytes | Path, ...]:
    parts: list[tuple[bytes, bytes | Path]] = []
    if request.signer:
        signer = signed.read_signer(Path(request.signer).read_bytes())
        parts.append((b"", signed.archive(signer, line, request.epoch)))
    if request.layers:
        from imager.initramfs import bootstrap

        # The firmware reads it anyway, so a separate file and build step would not pay off.
        init, count, epoch = Path(request.init), request.layers, request.epoch
        starter = bootstrap.archive(root, request.kernel_version, init, count, epoch, on_disk, copied=request.copied)
        parts.append((b"", starter))
    if on_disk:
        return initrd(root, (*parts, *((b"", layer.lists()) for layer in on_disk)))
    for number, place in enumerate(map(Path, request.initrd)):
        parts.append((layer_archive.head(place, number, request.epoch) if number < request.layers else b"", place))
    return initrd(root, parts)


def initrd(root: Root, segments: Iterable[tuple[bytes, bytes | Path]]) -> tuple[bytes | Path, ...]:
    """Return microcode, then `segments`, each aligned and preceded by its header.

    The kernel requires multiples of 4 bytes and skips zeros between archives. Microcode comes first and uncompressed,
    because the kernel looks for it before it can unpack anything (Documentation/arch/x86/microcode.rst). This works
    with every stub.
    """
    parts: list[bytes | Path] = []
    at = 0
    for head, body in (*_microcode(root), *segments):
        gap = bytes(-(at + len(head)) % output.ALIGNMENT)
        parts += [each for each in (gap + head, body) if each != b""]
        at += len(gap) + len(head) + (body.stat().st_size if isinstance(body, Path) else len(body))
    return tuple(parts)


def _microcode(root: Root) -> Iterator[tuple[bytes, Path]]:
    for path in microcode.images(root):
        if root.head(path, len(cpio.MAGIC)) != cpio.MAGIC:
            raise ImagerError(f"the microcode image /{path} must be an uncompressed cpio archive")
        yield b"", _payload(root, path, microcode.LIMIT)
