"""What boots is the system, hard links included, and is weighed right, when the stages are real overlays."""

from __future__ import annotations

import io
import os
import random
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from imager.archive.batch_writer import BatchWriter
from imager.initramfs import changes, layers, segments, snapshots
from imager.requests.packing import Layer
from tests.support import stages as odd
from tests.support.engine import unavailable
from tests.support.imager import EPOCH, make_system
from tests.support.overlay import Overlay, opened, overlay
from tests.support.rootfs import manifest, mutate
from tests.unit.imager.initramfs.test_layers import Memory
from tests.unit.imager.initramfs.test_segments import boot, pack

__all__ = ["overlay"]

FILES = tuple(f"usr/{one}/{two}/{three}" for one in "abc" for two in "xyz" for three in "12")
FOLDERS = tuple(f"usr/{one}/{two}" for one in "abc" for two in "xyz")
ROUNDS = 12


@contextmanager
def changing(made: Overlay) -> Iterator[Path]:
    """Change the next stage of a system in which usr/d1/f, usr/d2/f and usr/d3/f are one file at first."""
    with made.changing() as root:
        if len(made.layers) == 0:
            make_system(root)
            for name in ("d1", "d2", "d3"):
                (root / "usr" / name).mkdir()
                (root / "usr" / name / "other").touch()
            (root / "usr/d1/f").write_text("x" * 1000)
            for name in ("d2", "d3"):
                (root / "usr" / name / "f").hardlink_to(root / "usr/d1/f")
        yield root


def test_patterns_leave_out_the_same_of_all_stages(overlay: Overlay, tmp_path: Path) -> None:
    """A match in a stage below is no change above it."""
    with changing(overlay):
        pass
    with changing(overlay) as root:
        (root / "usr/d1/f").unlink()
        (root / "usr/d2/new.log").write_text("y" * 100)
        (root / "usr/d3/own").write_text("z")
    exclude = ("/usr/d1/", "*.log", "/usr/d3/none")
    packed, facts = pack(tmp_path, overlay.stages, exclude)
    flat, (whole,) = pack(tmp_path, overlay.stages[-1:], exclude)
    assert manifest(boot(packed)) == manifest(boot(flat))
    assert not any(path.startswith(b"usr/d1") or path.endswith(b".log") for path in manifest(boot(flat)))
    assert [each.excluded for each in facts] == [("/usr/d1/",), ("/usr/d1/", "*.log")]
    assert whole.excluded == ("/usr/d1/", "*.log")
    assert facts[1].removed == {}
    assert sum(each.growth.size for each in facts) == whole.size


def check(folder: Path, stages: list[Path]) -> tuple[segments.Segment, ...]:
    """Compare what boots of segments with the whole system as one; their weights too."""
    packed, facts = pack(folder, stages)
    flat, _ = pack(folder, stages[-1:])
    (whole,) = segments.read(f"{folder}/segment0.json")
    if not any(each.problem for each in facts):
        assert manifest(boot(packed)) == manifest(boot(flat))
    assert sum(each.growth.size for each in facts) == whole.size
    assert sum(each.growth.files for each in facts) == whole.files
    return facts


def test_names_that_were_not_seen_stay_one_file_with_those_that_were(overlay: Overlay) -> None:
    with changing(overlay):
        pass
    with changing(overlay) as root:
        with (root / "usr/d1/f").open("a") as file:
            file.write("changed")
        (root / "usr/d2/new").touch()
    system = overlay.stages[1]
    assert snapshots.is_overlay(os.fsencode(system))
    assert (system / "usr/d2/f").samefile(system / "usr/d3/f")
    facts = check(overlay.directory, overlay.stages)
    assert (facts[1].files, facts[1].size) == (2, 1007), "d1/f and d2/new"
    assert facts[1].dead == segments.Total()
    below, system_ = (os.fsencode(stage) for stage in overlay.stages)
    assert changes._compare_walks(below, system_, EPOCH, prune=True)[1], "no walk through all was needed"


def test_a_file_lives_on_under_a_name_that_was_not_seen(overlay: Overlay) -> None:
    with changing(overlay):
        pass
    with changing(overlay) as root:
        (root / "usr/d1/f").unlink()
    with changing(overlay) as root:
        (root / "usr/d2/f").write_text("y" * 10)
    with changing(overlay) as root:
        (root / "usr/d3/f").unlink()
    facts = check(overlay.directory, overlay.stages)
    assert [each.dead.size for each in facts] == [0, 0, 0, 1000]


def test_a_name_with_the_same_content_but_of_its_own_is_one_of_its_own(overlay: Overlay) -> None:
    """What a step copied up without a change looks like the file below, which names that are not seen still are."""
    with changing(overlay):
        pass
    with changing(overlay) as root:
        (root / "usr/d1/f").chmod(0o600)
        (root / "usr/d1/f").chmod(0o644)
    system = overlay.stages[1]
    assert not (system / "usr/d1/f").samefile(system / "usr/d2/f")
    check(overlay.directory, overlay.stages)


def test_a_file_that_falls_apart_is_packed_in_part(tmp_path: Path) -> None:
    base = make_system(tmp_path / "base")
    (base / "usr/one").write_bytes(bytes(1000))
    for name in ("two", "three"):
        (base / "usr" / name).hardlink_to(base / "usr/one")
    subprocess.run(["cp", "-a", str(base), str(tmp_path / "top")], check=True)
    (tmp_path / "top/usr/one").unlink()
    (tmp_path / "top/usr/one").write_bytes(bytes(10))
    facts = check(tmp_path, [base, tmp_path / "top"])
    assert (facts[1].size, facts[1].dead) == (10, segments.Total())


def stages(made: Overlay, seed: int) -> list[Path]:
    """Make three stages, with many hard links, by what `seed` says."""
    chance = random.Random(seed)
    with made.changing() as root:
        make_system(root)
        for path in FILES:
            mutate(root, ("write", path, path))
        for _ in range(6):
            name, other = chance.sample(FILES, 2)
            mutate(root, ("hard", name, other))
    for _ in range(2):
        with made.changing() as root:
            for _ in range(chance.randint(1, 6)):
                mutate(root, action(chance))
    return made.stages


def action(chance: random.Random) -> tuple[str, str, str]:
    name, other = chance.sample(FILES, 2)
    folder = chance.choice(FOLDERS)
    return chance.choice(
        [
            ("write", name, chance.choice(["", name, other])),
            ("write", f"{folder}/new", ""),
            ("remove", name, ""),
            ("remove", folder, ""),
            ("hard", name, other),
            ("hard", name, other),
            ("mode", name, chance.choice(["600", "644"])),
            ("mode", folder, "700"),
            ("time", name, "1000000000"),
            ("link", name, "x"),
            ("pipe", name, ""),
        ]
    )


@pytest.mark.slow
def test_segments_of_any_overlays_are_the_system(overlay: Overlay) -> None:
    """What is left out of a walk never counts."""
    complete = 0
    for seed in range(ROUNDS):
        with opened(overlay.directory / str(seed)) as made:
            trees = stages(made, seed)
            check(made.directory, trees)
            for below, system in pairwise(trees):
                places = (os.fsencode(below), os.fsencode(system), EPOCH)
                found, sure = changes._compare_walks(*places, prune=True)
                complete += sure
                if sure:
                    whole = changes._compare_walks(*places, prune=False)[0]
                    assert (found.changed, found.removed) == (whole.changed, whole.removed), seed
                    assert found.dead == whole.dead, seed
    assert complete > ROUNDS / 2, "leaving out is the rule"


@pytest.mark.slow
def test_layers_of_any_overlays_are_the_system(overlay: Overlay) -> None:
    for seed in range(ROUNDS):
        with opened(overlay.directory / str(seed)) as made:
            trees = stages(made, seed)
            parts = [unpacked(made, number, trees[number - 1 : number + 1]) for number in range(1, 3)]
            stack = made.stack("booted", [unpacked(made, 0, trees[:1]), *parts])
            assert nodes(stack) == nodes(unpacked(made, 3, trees[-1:])), seed


@pytest.mark.slow
def test_everything_odd_in_overlays(overlay: Overlay) -> None:
    """The stages that guests boot in tests/boot."""
    init = overlay.directory.parent / "init"
    init.write_bytes(b"their init")
    try:
        os.setxattr(init, "user.colour", b"red")
    except OSError as error:
        unavailable(f"cannot set extended attributes in {init.parent}: {error}")
    with overlay.changing() as root:
        odd.first(odd.Tree(root), init)
    for change in (odd.second, odd.third):
        with overlay.changing() as root:
            change(odd.Tree(root))
    facts = check(overlay.directory, overlay.stages)
    assert not any(each.problem for each in facts)


def unpacked(made: Overlay, number: int, trees: list[Path]) -> Path:
    """Give the directory that a layer is: what the last of `trees` has over the one below, if any."""
    memory = Memory()
    stream = layers.TarWriter(BatchWriter(memory), epoch=EPOCH)
    below = str(trees[0]) if len(trees) > 1 else ""
    layers._pack(
        Layer(system=str(trees[-1]), output="", compression="none", epoch=EPOCH, number=number, below=below),
        stream,
    )
    stream.close()
    place = made.directory / f"unpacked{number}"
    place.mkdir()
    with tarfile.open(fileobj=io.BytesIO(memory.data)) as archive:
        archive.extractall(place, filter="fully_trusted")
    return place


def nodes(root: Path) -> dict[str, tuple[object, ...]]:
    """Give what is below `root`, path by path; the last part tells which paths are one file."""
    found: dict[str, tuple[object, ...]] = {}
    names: dict[int, list[str]] = {}
    for place in root.rglob("*"):
        status, path = place.lstat(), str(place.relative_to(root))
        content: object = status.st_rdev
        if stat.S_ISREG(status.st_mode):
            content = place.read_bytes()
            names.setdefault(status.st_ino, []).append(path)
        elif place.is_symlink():
            content = place.readlink()
        time = 0 if place.is_symlink() else status.st_mtime  # tarfile leaves out that of links
        found[path] = (status.st_mode, status.st_uid, status.st_gid, time, content)
    for path, row in found.items():
        one = next((group for group in names.values() if path in group), [])
        found[path] = (*row, tuple(sorted(one)))
    return found
