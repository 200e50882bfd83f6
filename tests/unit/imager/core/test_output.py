"""Outputs are complete or not there, and every byte arrives however the kernel copies."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from imager.core import output
from imager.core.errors import ImagerError
from tests.support.imager import EPOCH

DATA = bytes(range(256)) * 40


def test_an_output_has_the_same_mode_and_time_everywhere(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with output.writing(str(tmp_path / "out"), EPOCH) as fd:
            output.write_all(fd, DATA)
            assert not (tmp_path / "out").exists()
    finally:
        os.umask(before)
    status = (tmp_path / "out").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o644, EPOCH)
    assert (tmp_path / "out").read_bytes() == DATA
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_nothing_is_left_of_an_output_that_failed(tmp_path: Path) -> None:
    (tmp_path / "out.part").write_text("of a step that was killed, and longer than what follows")
    with pytest.raises(ImagerError), output.writing(str(tmp_path / "out"), EPOCH) as fd:
        output.write_all(fd, DATA)
        raise ImagerError("no")
    assert not list(tmp_path.iterdir())


def test_values_are_saved_in_one_order(tmp_path: Path) -> None:
    place = tmp_path / "out"
    output.save_json(str(place), {"b": [1], "a": SimpleNamespace(y="ü", x=None)}, EPOCH)
    assert place.read_text() == '{\n "a": {\n  "x": null,\n  "y": "\\u00fc"\n },\n "b": [\n  1\n ]\n}\n'
    assert place.stat().st_mtime == EPOCH


def test_a_digest_is_saved_or_computed(tmp_path: Path) -> None:
    place = tmp_path / "out"
    place.write_bytes(DATA)
    computed = output.saved_digest(place)
    assert computed == output.digest(place)
    output.save_digest(str(place), EPOCH)
    place.write_bytes(b"not read")
    assert output.saved_digest(place) == computed


def fail(code: int) -> Callable[..., int]:
    def call(*_: Any) -> int:
        raise OSError(code, os.strerror(code))

    return call


def short(call: Callable[..., int], place: int) -> Callable[..., int]:
    """Return a system call that does at most 1000 bytes at once, as the kernel does at most 2 GiB."""
    return lambda *given: call(*given[:place], min(given[place], 1000), *given[place + 1 :])


real_pread, real_write = os.pread, os.write
WAYS: dict[str, dict[str, Callable[..., Any]]] = {
    "shared": {},
    "piece by piece": {"copy_file_range": short(os.copy_file_range, 2)},
    "in the kernel": {"copy_file_range": fail(errno.EXDEV), "sendfile": short(os.sendfile, 3)},
    "in the kernel, silently": {"copy_file_range": lambda *_: 0, "sendfile": short(os.sendfile, 3)},
    "in memory": {
        "copy_file_range": fail(errno.ENOSYS),
        "sendfile": fail(errno.EINVAL),
        "pread": lambda fd, size, at: real_pread(fd, min(size, 1000), at),
        "write": lambda fd, data: real_write(fd, data[:700]),
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_a_range_arrives_in_every_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    (tmp_path / "source").write_bytes(DATA)
    (tmp_path / "target").write_bytes(b"#" * len(DATA))
    for name, call in WAYS[way].items():
        monkeypatch.setattr(os, name, call)
    monkeypatch.setattr(output, "_CHUNK", 3000)
    with output.reading(tmp_path / "source") as source, (tmp_path / "target").open("r+b") as target:
        output.copy_at(source, target.fileno(), 50, 9000, start=7)
    monkeypatch.undo()
    assert (tmp_path / "target").read_bytes() == b"#" * 50 + DATA[7:9007] + b"#" * (len(DATA) - 9050)


def test_writes_at_a_place_may_be_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: real(fd, data[:700], at))
    with (tmp_path / "target").open("wb") as target:
        output.write_at(target.fileno(), 3, DATA)
    assert (tmp_path / "target").read_bytes() == bytes(3) + DATA


@pytest.mark.parametrize("name", ["copy_file_range", "sendfile"])
def test_a_failing_disk_is_no_reason_to_try_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "source").write_bytes(DATA)
    monkeypatch.setattr(os, "copy_file_range", fail(errno.EXDEV))
    monkeypatch.setattr(os, name, fail(errno.ENOSPC))
    with (
        output.reading(tmp_path / "source") as source,
        (tmp_path / "target").open("wb") as target,
        pytest.raises(OSError, match="No space"),
    ):
        output.copy_at(source, target.fileno(), 0, len(DATA))


def test_files_that_become_shorter_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source").write_bytes(DATA)
    with output.reading(tmp_path / "source") as source, (tmp_path / "target").open("wb") as target:
        for call in (
            lambda: output.copy_at(source, target.fileno(), 0, len(DATA) + 1),
            lambda: output.send(source, target.fileno(), 1, len(DATA)),
            lambda: output.read_at(source, 1, len(DATA)),
        ):
            with pytest.raises(ImagerError, match="shorter"):
                call()
        assert output.read_at(source, 1, len(DATA) - 1) == DATA[1:]


@pytest.mark.parametrize(("code", "answers"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_where_the_file_system_knows_no_holes_all_is_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, answers: bool
) -> None:
    (tmp_path / "source").write_bytes(DATA)
    monkeypatch.setattr(os, "lseek", fail(code))
    with output.reading(tmp_path / "source") as source:
        if answers:
            assert list(output.stored_ranges(source, 5, 50)) == [(5, 50)]
            assert list(output.stored_ranges(source, 5, 5)) == []
        else:
            with pytest.raises(OSError, match="error"):
                list(output.stored_ranges(source, 5, 50))
