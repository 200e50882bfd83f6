"""Microcode: the image of a vendor's parts, byte by byte, and how large it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from imager.core.errors import ImagerError
from imager.kernel import microcode
from imager.kernel.firmware import Firmware, find, requested_name
from imager.rootfs.root import Root
from tests.support.imager import EPOCH, read_newc

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

INTEL = microcode.VENDORS["intel"]


@dataclass(frozen=True)
class Files:
    """Firmware that is in no system."""

    content: Mapping[str, bytes]
    directory = "usr/lib/firmware"

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(sorted(self.content))

    def read(self, path: str) -> bytes:
        return self.content[path]


def image(content: Mapping[str, bytes]) -> bytes:
    return microcode.image(INTEL, cast("Firmware", Files(content)), EPOCH)


def test_an_image_of_parts() -> None:
    names = ("06-0f-0b", "06-0f-0c.initramfs", "06-0f-0d.xz", "06-0f-0e.zst", "06-0f", "06-0F-0b", "x06-0f-0b")
    made = image({f"intel-ucode/{name}": name.encode() for name in names} | {"06-0f-0b": b"not here"})
    assert [(each.name, each.mode, each.data) for each in read_newc(made)] == [
        (b"kernel", 0o40755, b""),
        (b"kernel/x86", 0o40755, b""),
        (b"kernel/x86/microcode", 0o40755, b""),
        (b"kernel/x86/microcode/GenuineIntel.bin", 0o100644, b"06-0f-0b06-0f-0c.initramfs06-0f-0d.xz06-0f-0e.zst"),
    ]
    assert image({"amd-ucode/microcode_amd.bin": b"x"}) == b""


@pytest.mark.parametrize(("sizes", "fits"), [((64, 0), True), ((64, 1), False)])
def test_how_large_it_may_be(monkeypatch: pytest.MonkeyPatch, sizes: tuple[int, int], fits: bool) -> None:
    """The limit is in MiB; a thousandth of it is enough to see it kept."""
    assert microcode.LIMIT == 64 << 20
    monkeypatch.setattr(microcode, "LIMIT", 64 << 10)
    content = {"intel-ucode/06-0f-0b": bytes(sizes[0] << 10), "intel-ucode/06-0f-0c": bytes(sizes[1])}
    if fits:
        assert len(image(content)) > 64 << 10
    else:
        with pytest.raises(ImagerError) as caught:
            image(content)
        assert str(caught.value) == "the microcode in /usr/lib/firmware/intel-ucode has more than 65,536 bytes"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b.bin", "a/b.bin"),
        ("a/b.bin.xz", "a/b.bin"),
        ("updates/a/b.bin.zst", "a/b.bin"),
        ("a/updates/b.xz.bin", "a/updates/b.xz.bin"),
    ],
)
def test_the_name_by_which_a_file_is_requested(path: str, name: str) -> None:
    assert requested_name(path) == name


def test_files_that_are_asked_for_through_links(tmp_path: Path) -> None:
    """A link to the top, and one to a directory, which comes with all that is in it."""
    top = tmp_path / "usr/lib/firmware"
    (top / "real").mkdir(parents=True)
    for name in ("real/a.bin.xz", "real/b.bin", "c.bin"):
        (top / name).touch()
    (top / "here").symlink_to(".")
    (top / "model").symlink_to("real")
    found = find(Root(tmp_path))
    assert {name: found.requested(name) for name in ("model/a.bin", "here/c.bin", "model/none.bin", "none/c.bin")} == {
        "model/a.bin": {"model", "real/a.bin.xz", "real/b.bin"},
        "here/c.bin": {"here", "c.bin"},
        "model/none.bin": set(),
        "none/c.bin": set(),
    }
