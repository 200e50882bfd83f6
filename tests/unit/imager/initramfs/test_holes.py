"""Files with holes through all steps, in both modes: they take time and memory by their data."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from imager.archive import tarstream
from imager.archive.batch_writer import BatchWriter
from imager.core.sparse import BLOCK
from imager.initramfs import changes, cpio_segment, layers, segments
from imager.report import inspection
from imager.requests.packing import Initramfs, Layer
from imager.rootfs import tree
from imager.rootfs.root import Root
from tests.support.hostile import within
from tests.support.imager import EPOCH, make_system, read_newc
from tests.unit.imager.initramfs.test_layers import Memory
from tests.unit.imager.initramfs.test_segments import boot, copy, pack

HUGE = 550 << 30


def make(place: Path, size: int, *pieces: tuple[int, bytes]) -> None:
    """Make a file with data at some places."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        file.truncate(size)
        for at, data in pieces:
            file.seek(at)
            file.write(data)


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def sparse_system(path: Path) -> Path:
    system = make_system(path)
    make(system / "var/small", 3 * BLOCK + 5, (2 * BLOCK, b"data"))
    make(system / "var/empty", 4 * BLOCK)
    make(system / "var/mixed", 9 * BLOCK + 77, (5, b"a" * BLOCK), (4 * BLOCK - 1, b"b" * 9), (9 * BLOCK + 70, b"end"))
    (system / "var/other-name").hardlink_to(system / "var/mixed")
    return system


def layer(system: Path, compression: str = "zstd:1", **changes: object) -> Path:
    out = system.parent / "layer"
    layers.run(Layer(system=str(system), output=str(out), compression=compression, epoch=EPOCH, **changes))  # type: ignore[arg-type]
    return out


@pytest.mark.slow
def test_what_boots_has_the_holes(tmp_path: Path) -> None:
    """Also where later stages replaced, removed and made such files."""
    base = sparse_system(tmp_path / "base")
    make(base / "var/removed", 4 * BLOCK, (BLOCK, b"x"))
    make(base / "var/dense-later", 4 * BLOCK, (BLOCK, b"x"))
    make(base / "var/back", 4 * BLOCK, (BLOCK, b"x"))
    (base / "var/sparse-later").write_bytes(b"d" * 3 * BLOCK)
    top = copy(base, tmp_path / "top")
    for name in ("removed", "back", "other-name"):
        (top / "var" / name).unlink()
    (top / "var/dense-later").write_bytes(b"y" * BLOCK)  # as long as the data of the one below
    make(top / "var/sparse-later", 8 * BLOCK, (7 * BLOCK, b"z"))
    last = copy(top, tmp_path / "last")
    (last / "var/back").write_bytes(b"q" * BLOCK)
    make(last / "var/small", 5 * BLOCK, (3 * BLOCK, b"other"))
    packed, facts = pack(tmp_path, [base, top, last])
    nodes = boot(packed).nodes
    for place in (last / "var").iterdir():
        assert nodes[b"var/" + place.name.encode()].data == place.read_bytes(), place.name
    assert sum(len(each) for each in packed) < 16 * BLOCK
    assert set(segments.condensed(facts)) == {"var/empty", "var/mixed", "var/small", "var/sparse-later"}
    assert facts[0].size < 12 * BLOCK


@pytest.mark.parametrize("size", [HUGE, 1 << 42])
def test_a_huge_file_in_an_initramfs(tmp_path: Path, size: int) -> None:
    system = make_system(tmp_path / "system")
    make(system / "var/huge", size, (3 << 30, b"x"), (size - 3, b"end"))
    with within(15, 300):
        packed, (facts,) = pack(tmp_path, [system])
    (huge,) = [member for member in read_newc(packed[0]) if member.name == b"var/huge"]
    assert len(huge.data) == 2 * BLOCK
    assert huge.data.endswith(b"end")
    assert facts.size < 3 * BLOCK
    assert inspection.inspect(Root(system))["size"] < 3 * BLOCK


def test_a_huge_file_in_a_layer(tmp_path: Path) -> None:
    need("tar2sqfs", "unsquashfs")
    system = sparse_system(tmp_path / "system")
    make(system / "var/huge", HUGE, (3 << 30, b"x"))
    with within(60, 300):
        out = layer(system)
    # Smaller ones keep their holes in the layer.
    subprocess.run(["unsquashfs", "-q", "-n", "-d", tmp_path / "unpacked", out], check=True, capture_output=True)
    for name in ("small", "empty", "mixed"):
        assert (tmp_path / "unpacked/var" / name).read_bytes() == (system / "var" / name).read_bytes()
    assert (tmp_path / "unpacked/var/huge").stat().st_size == BLOCK
    assert b".claylinux/layers/0.sparse\0" in out.read_bytes()[-1024:]


@pytest.mark.parametrize(
    "program", [["tar2sqfs", "--quiet", "--force"], ["mksquashfs", "-", "-tar", "-quiet", "-no-progress", "-noappend"]]
)
@pytest.mark.slow
def test_programs_read_holes(tmp_path: Path, program: list[str]) -> None:
    need(program[0], "unsquashfs")
    system = sparse_system(tmp_path / "system")
    # So many that their list needs more than one block of the archive.
    make(system / "var/many", 99 * BLOCK, *((2 * number * BLOCK, b"x") for number in range(48)))
    memory = Memory()
    writer = layers.TarWriter(BatchWriter(memory), epoch=0)
    for _ in writer.add_each(tree.walk(os.fsencode(system))):
        pass
    writer.close()
    out = tmp_path / "out"
    words = [*program, str(out)] if program[0] == "tar2sqfs" else [*program[:2], str(out), *program[2:]]
    subprocess.run(words, input=memory.data, check=True, capture_output=True)
    subprocess.run(["unsquashfs", "-q", "-n", "-d", tmp_path / "unpacked", out], check=True, capture_output=True)
    for place in (system / "var").iterdir():
        assert (tmp_path / "unpacked/var" / place.name).read_bytes() == place.read_bytes(), place.name


def test_holes_in_a_stream(tmp_path: Path) -> None:
    system = sparse_system(tmp_path / "system")
    memory = Memory()
    writer = layers.TarWriter(BatchWriter(memory), epoch=0)
    for entry in tree.pick(os.fsencode(system), [b"var/small", b"var/empty", b"var/mixed", b"var/other-name"]):
        writer.add(entry)
    writer.close()
    assert len(memory.data) < 6 * BLOCK
    assert len(memory.data) % tarstream.BLOCK == 0
    with tarfile.open(fileobj=io.BytesIO(memory.data)) as archive:
        members = {member.name: member for member in archive}
        for name in ("small", "empty", "mixed"):
            content = archive.extractfile(members[f"var/{name}"]).read()  # type: ignore[union-attr]
            assert content == (system / "var" / name).read_bytes()
        assert members["var/other-name"].linkname == "var/mixed"
    assert writer.condensed == {}


def test_equal_holes_are_not_compared(tmp_path: Path) -> None:
    base = make_system(tmp_path / "base")
    make(base / "var/huge", HUGE, (3 << 30, b"x"))
    make(base / "var/filled", 4 * BLOCK)
    top = make_system(tmp_path / "top")
    make(top / "var/huge", HUGE, (3 << 30, b"x"))
    (top / "var/filled").write_bytes(bytes(4 * BLOCK))
    for stage in (base, top):
        for place in (stage, *stage.rglob("*")):
            os.utime(place, (1, 1), follow_symlinks=False)
    with within(10, 300):
        assert changes.compare(os.fsencode(base), os.fsencode(top), EPOCH).changed == ()
    make(top / "var/huge", HUGE, (3 << 30, b"x"), (500 << 30, b"y"))
    os.utime(top / "var/huge", (1, 1))
    os.utime(top / "var", (1, 1))
    with within(10, 300):
        found = changes.compare(os.fsencode(base), os.fsencode(top), EPOCH)
    assert [change.entry.path for change in found.changed] == [b"var/huge"]
    described = segments.describe(found, (), EPOCH, (), {})
    assert described.size == 2 * BLOCK
    assert described.growth.size == BLOCK


@pytest.mark.slow
def test_what_is_stored_does_not_matter(tmp_path: Path) -> None:
    """A cache or a registry fills holes: the image is the same."""
    made = []
    for name in ("one", "other"):
        system = sparse_system(tmp_path / name / "system")
        if name == "other":
            for place in (system / "var").iterdir():
                content = place.read_bytes()
                place.write_bytes(content)
        for place in (system, *system.rglob("*")):
            os.utime(place, (1, 1), follow_symlinks=False)
        out = tmp_path / name / "out"
        (tmp_path / name / "init").write_bytes(b"init")
        init = str(tmp_path / name / "init")
        cpio_segment.run(Initramfs(system=str(system), init=init, output=str(out), compression="none", epoch=EPOCH))
        made.append(out.read_bytes())
    assert made[0] == made[1]
