"""Segments over each other are the system, whatever its stages changed: checked with a model of the kernel."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imager.archive.cpio_writer import CpioWriter
from imager.initramfs import changes, cpio_segment, fixups, segments, snapshots
from imager.initramfs.change import Change
from imager.requests.packing import Initramfs
from imager.rootfs import tree
from tests.support.imager import EPOCH, make_system
from tests.support.rootfs import Rootfs, manifest, mutate
from tests.unit.imager.initramfs.test_layers import Memory

Action = tuple[str, str, str]
NAMES = ("a", "b", "a/x", "a/y", "b/x", "a/x/deep", "etc/one", "usr/two")
ACTIONS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(["", "one", "other"])),
    st.tuples(st.sampled_from(["folder", "remove", "remove", "pipe"]), st.sampled_from(NAMES), st.just("")),
    st.tuples(st.just("link"), st.sampled_from(NAMES), st.sampled_from(["x", "../b"])),
    st.tuples(st.just("hard"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("mode"), st.sampled_from(NAMES), st.sampled_from(["700", "755", "4755"])),
    st.tuples(st.just("time"), st.sampled_from(NAMES), st.sampled_from(["1000000000", "1100000000"])),
)
OLD = ("time", "a", "1")
STAGES = st.lists(st.lists(ACTIONS, max_size=8), min_size=2, max_size=4)


def pack(
    folder: Path, stages: list[Path], exclude: tuple[str, ...] = ()
) -> tuple[list[bytes], tuple[segments.Segment, ...]]:
    """Pack stages as the plan does; return the segments, and what the last says of them."""
    init = folder / "init"
    init.write_bytes(b"our init")
    facts: list[str] = []
    packed: list[bytes] = []
    for number, stage in enumerate(stages):
        last = number == len(stages) - 1
        out = folder / f"segment{number}"
        request = Initramfs(
            system=str(stage),
            init=str(init),
            output=str(out),
            compression="none",
            epoch=EPOCH,
            below=str(stages[number - 1]) if number else "",
            facts=f"{out}.json",
            lower=tuple(facts) if last or number > 1 else (),
            more=not last,
            exclude=exclude,
        )
        cpio_segment.run(request)
        facts.append(request.facts)
        packed.append(out.read_bytes())
    return packed, segments.read(facts[-1])


def boot(packed: list[bytes]) -> Rootfs:
    rootfs = Rootfs()
    for archive in packed:
        rootfs.unpack(archive)
    rootfs.finish()
    return rootfs


def copy(source: Path, target: Path) -> Path:
    """Copy a stage with all that is in it; as on some builders, no inode is shared."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    return target


def run(folder: Path, stages: list[list[Action]]) -> tuple[list[Path], list[bytes], tuple[segments.Segment, ...]]:
    live = make_system(folder / "live")
    trees: list[Path] = []
    for number, actions in enumerate(stages):
        for action in actions:
            mutate(live, action)
        trees.append(copy(live, folder / f"stage{number}"))
    packed, facts = pack(folder, trees)
    return trees, packed, facts


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(STAGES)
@example([[("write", "a", "one"), ("hard", "b", "a")], [("remove", "a", ""), ("write", "a", "other")]])
@example([[("write", "a", "one"), ("hard", "b", "a")], [("remove", "b", "")], [("write", "b", "other")]])
@example([[("write", "a", "one")], [("hard", "b", "a")]])
@example([[("write", "a", ""), ("hard", "b", "a"), OLD], [("remove", "b", ""), ("write", "b", ""), ("time", "b", "1")]])
@example([[("write", "a/x", "one")], [("remove", "a", "")], [("write", "a/y", "")]])
@example([[("folder", "a", ""), OLD], [("remove", "a", "")], [("folder", "a", "")]])
@example([[("write", "a/x", "one")], [("remove", "a", "")], [("write", "a", "file now")]])
@example([[("link", "a", "x")], [("remove", "a", ""), ("write", "a/x", "")], [("remove", "a/x", "")]])
@example([[("pipe", "a", "")], [("remove", "a", ""), ("pipe", "a", ""), ("mode", "a", "700")]])
@example([[("write", "init", "theirs")], [("remove", "init", "")]])
@example([[], [("write", "init", "theirs")], [("write", "init", "changed")]])
def test_what_boots_is_the_system(stages: list[list[Action]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        trees, packed, facts = run(Path(name), stages)
        flat, _ = pack(Path(name), trees[-1:])
        (whole,) = segments.read(f"{name}/segment0.json")
        assert sum(each.growth.files for each in facts) == whole.files
        assert sum(each.growth.size for each in facts) == whole.size
        if not any(each.problem for each in facts):
            assert manifest(boot(packed)) == manifest(boot(flat))
        elif len(stages) == 2:
            first, second = (({path: path.is_dir() for path in tree.rglob("*")}, tree) for tree in trees)
            was = {path.relative_to(first[1]) for path, folder in first[0].items() if folder and not path.is_symlink()}
            now = {path.relative_to(second[1]) for path in second[0] if not path.is_dir() or path.is_symlink()}
            assert was & now, "only a directory in whose place something else is cannot be unpacked over"


def test_a_small_change_is_a_small_segment(tmp_path: Path) -> None:
    base = make_system(tmp_path / "base")
    (base / "usr/big").write_bytes(os.urandom(1 << 20))
    top = copy(base, tmp_path / "top")
    (top / "etc/motd").write_text("hello")
    packed, facts = pack(tmp_path, [base, top])
    assert len(packed[0]) > 1 << 20
    assert len(packed[1]) < 2048
    assert (facts[1].size, facts[1].dead) == (5, segments.Total())
    assert boot(packed).nodes[b"etc/motd"].data == b"hello"


def test_dead_weight_is_counted_once(tmp_path: Path) -> None:
    base = make_system(tmp_path / "base")
    (base / "usr/one").write_bytes(bytes(1000))
    (base / "usr/two").hardlink_to(base / "usr/one")
    (base / "usr/three").write_bytes(bytes(10))
    top = copy(base, tmp_path / "top")
    for name in ("one", "two"):
        (top / "usr" / name).unlink()
    (top / "usr/three").write_bytes(b"")
    _, facts = pack(tmp_path, [base, top])
    assert facts[1].dead == segments.Total(files=3, size=1010)
    assert segments.summarize(facts[0]).endswith("files, 1K")
    assert "; 3 files, 1K, of the stages below are replaced or removed" in segments.summarize(facts[1])
    assert facts[1].removed == {"usr/one": "other", "usr/two": "other"}


def test_names_that_are_no_text_are_removed(tmp_path: Path) -> None:
    base = make_system(tmp_path / "base")
    (base / os.fsdecode(b"usr/\xff\xfe")).write_text("x")
    top = copy(base, tmp_path / "top")
    (top / os.fsdecode(b"usr/\xff\xfe")).unlink()
    packed, _ = pack(tmp_path, [base, top])
    assert b"/usr/\xff\xfe\0" in packed[1]
    assert b"usr/\xff\xfe" not in boot(packed).nodes


def test_a_directory_that_became_something_else_is_told(tmp_path: Path) -> None:
    base = make_system(tmp_path / "base")
    (base / "opt").mkdir()
    (base / "opt/file").touch()
    top = copy(base, tmp_path / "top")
    shutil.rmtree(top / "opt")
    (top / "opt").symlink_to("usr")
    _, facts = pack(tmp_path, [base, top])
    assert facts[1].problem == "/opt was a directory before"


def test_content_is_compared_where_times_cannot_tell(tmp_path: Path) -> None:
    base = make_system(tmp_path / "base")
    (base / "etc/same").write_text("one")
    top = copy(base, tmp_path / "top")
    (top / "etc/same").write_text("two")
    for stage in (base, top):
        os.utime(stage / "etc/same", (EPOCH, EPOCH))
    found = changes.compare(os.fsencode(base), os.fsencode(top), EPOCH)
    assert [change.entry.path for change in found.changed] == [b"etc/same"]


def test_a_shared_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = make_system(tmp_path / "base")
    (base / "etc/shared").write_text("one")
    subprocess.run(["cp", "-al", str(base), str(tmp_path / "top")], check=True)
    monkeypatch.setattr(changes, "_same_bytes", lambda *_: pytest.fail("read"))
    found = changes.compare(os.fsencode(base), os.fsencode(tmp_path / "top"), EPOCH)
    assert not [change for change in found.changed if stat.S_ISREG(change.entry.mode)]


def test_paths_are_picked_as_a_walk_gives_them(tmp_path: Path) -> None:
    system = make_system(tmp_path / "system")
    for name in ("init", ".dockerenv", "etc/hosts", "etc/hosts.target", "etc/hostname", "boot/x", "usr/link/y"):
        (system / name).parent.mkdir(exist_ok=True)
        (system / name).touch()
    walked = list(tree.walk(os.fsencode(system)))
    place = os.fsencode(system)
    assert [list(tree.pick(place, [entry.path])) for entry in walked] == [[entry] for entry in walked]
    for absent in (b"init", b".dockerenv", b"etc/hosts.target", b"boot/x", b"sbin/init", b"no/such", b"etc/hosts/x"):
        assert list(tree.pick(place, [absent])) == [], absent
    assert list(tree.pick(place, {b"no/such", *(entry.path for entry in walked)})) == walked


def test_a_directory_is_listed_once_for_all_that_is_gone_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = make_system(tmp_path / "base")
    for number in range(50):
        (base / f"usr/{number}").touch()
    top = copy(base, tmp_path / "top")
    for number in range(0, 50, 2):
        (top / f"usr/{number}").unlink()
    listed: list[bytes] = []
    children = tree._children

    def list_children(path: bytes, source: bytes, sealed: tree.Overrides) -> object:
        listed.append(path)
        return children(path, source, sealed)

    monkeypatch.setattr(tree, "_children", list_children)
    gone = segments.Segment(removed={f"usr/{number}": "file" for number in range(0, 50, 2)})
    archive = CpioWriter(Memory(), EPOCH, Counter())
    fixups.write(archive, os.fsencode(top), (gone,), EPOCH)
    assert listed == [b"", b"usr"]


def test_fractions_of_a_second_are_cut_off(tmp_path: Path) -> None:
    """A float has too few digits for nanoseconds: it would be the next second."""
    system = make_system(tmp_path / "system")
    (system / "etc/motd").touch()
    os.utime(system / "etc/motd", ns=(0, 1_699_999_999_999_999_999))
    packed, _ = pack(tmp_path, [system])
    assert boot(packed).nodes[b"etc/motd"].mtime == 1_699_999_999


def test_directories_that_an_overlay_shares_are_not_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = make_system(tmp_path / "base")
    found = changes.compare(os.fsencode(base), os.fsencode(base), EPOCH)
    assert found == changes.Changes((), (), ())
    monkeypatch.setattr(snapshots, "is_overlay", lambda tree: True)
    listed: list[bytes] = []
    below = tree._below

    def list_below(entry: tree.Entry, sealed: tree.Overrides) -> object:
        listed.append(entry.path)
        return below(entry, sealed)

    monkeypatch.setattr(tree, "_below", list_below)
    top = copy(base, tmp_path / "top")
    (top / "etc/motd").touch()
    changed = changes.compare(os.fsencode(base), os.fsencode(top), EPOCH).changed
    assert [change.entry.path for change in changed] == [b"etc/motd"]
    assert listed.count(b"usr") == 2, "a copy is compared as a whole"
    listed.clear()
    assert changes.compare(os.fsencode(base), os.fsencode(base), EPOCH) == found
    assert listed == []


@pytest.mark.parametrize(
    ("before", "now", "redated"), [(50, 60, True), (50, 50, False), (150, 200, False), (150, 50, True), (50, 150, True)]
)
def test_a_directory_has_another_time_if_both_are_clamped(before: int, now: int, *, redated: bool) -> None:
    old, new = (tree.synthetic_entry(b"etc", stat.S_IFDIR | 0o755)._replace(mtime=time) for time in (before, now))
    assert segments._is_redated(Change(new, old), 100) == redated
    assert not segments._is_redated(Change(new, None), 100)
    file = tree.synthetic_entry(b"etc", stat.S_IFREG | 0o644)
    assert not segments._is_redated(Change(new, file), 100)
    assert not segments._is_redated(Change(file, old), 100)
