"""Whole disks, for every kind of system: each partition, and what is where."""

from __future__ import annotations

import hashlib
import json
import struct
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from imager.disk import iso, raw
from imager.requests.outputs import Disk, Iso, Raw
from imager.uki import layout
from tests.support.golden import check_golden
from tests.support.imager import EPOCH, make_pe
from tests.support.places import GOLDEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imager.disk.medium import Medium

MIB = 1 << 20
LAYERS = {"guid": str(UUID(int=9)), "size": 3 * MIB + 4096}
SPACE = 64 * MIB
UPDATE = {"name": "web_1.4.0", "space": SPACE}


def system(place: Path, *, layers: bool, update: bool) -> Path:
    """Return the layout of a system with what may be beside its program."""
    (place / "clay.efi").write_bytes(make_pe() + b"program" * 1000)
    (place / "layers").write_bytes(b"layer" * 1000)
    piece = {"at": 0, "path": str(place / "clay.efi"), "size": (place / "clay.efi").stat().st_size, "start": 0}
    pieces = [{"at": 4096, "path": str(place / "layers"), "size": 5000, "start": 0}]
    found = {"architecture": "amd64", "digest": "0f" * 32, "pieces": [piece], "sections": {}, "size": piece["size"]}
    if layers:
        found["layers"] = {**LAYERS, "pieces": pieces}
    if update:
        found["update"] = UPDATE
        for ending in ("loader", "pieces", "sig"):
            (place / f"clay.{ending}").write_bytes(ending.encode() * 10)
    (place / "clay.json").write_text(json.dumps(found))
    return place / "clay.json"


def told(medium: Medium, place: Path) -> str:
    """Return a line for each partition, and one for all that is on a disk."""
    output = place / "disk"
    with output.open("w+b") as file:
        raw.write(file.fileno(), medium)
        file.seek(0)
        head = file.read(34 * 512)
        digest = hashlib.sha256()
        for extent in medium.extents:
            file.seek(extent.start)
            digest.update(f"{extent.start} ".encode() + file.read(extent.end - extent.start))
        assert extent.end == medium.size == output.stat().st_size
    rows = [f"{medium.size} bytes, program {medium.program.start} to {medium.program.stop}, {digest.hexdigest()[:32]}"]
    for entry in struct.iter_unpack("<16s16sQQQ72s", head[1024:]):
        kind, guid, first, last, flags, name = entry
        if any(kind):
            text = name.decode("utf-16-le").rstrip("\0")
            rows.append(f"  {UUID(bytes_le=kind)} {UUID(bytes_le=guid)} {first:6} {last:6} {flags} {text}")
    return "\n".join([*rows, ""])


@contextmanager
def opened(kind: type[Disk], place: Path, *, alone: bool) -> Iterator[Medium]:
    request = kind(uki=str(place), output=str(place.with_name("out")), architecture="amd64", epoch=EPOCH)
    with raw.open_medium(request, "CLAY-1", alone=alone) as medium:
        yield medium


def test_all_disks(tmp_path: Path, update_golden: bool) -> None:
    parts = []
    for layers, update in ((False, False), (True, False), (False, True), (True, True)):
        place = system(tmp_path, layers=layers, update=update)
        for alone in (False, True) if update else (False,):
            with opened(Raw, place, alone=alone) as medium:
                words = [word for word, has in (("layers", layers), ("update", update), ("alone", alone)) if has]
                parts.append(f"{' '.join(words) or 'plain'}\n{told(medium, tmp_path)}")
    check_golden(GOLDEN / "disks.txt", "\n".join(parts), update=update_golden)


def test_a_cd_has_no_room_for_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool, str]] = []

    def note(request: Iso, medium: Medium, label: str) -> None:
        asked.append((label, medium.size < SPACE, layout.load_for(request).digest))

    monkeypatch.setattr(iso, "write", note)
    place = system(tmp_path, layers=False, update=True)
    values = {"uki": str(place), "output": str(tmp_path / "out"), "architecture": "amd64", "epoch": EPOCH}
    iso.run(Iso(**values, label="CD 1"))  # type: ignore[arg-type]
    assert asked == [("CD 1", True, "0f" * 32)]
