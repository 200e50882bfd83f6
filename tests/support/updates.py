"""A program with its index, made of small parts, and a key that signs it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from imager.commands import perform
from imager.requests.update import Index, Keys
from tests.support.imager import EPOCH, make_pe
from tests.support.secure_boot import openssl

LOADER = make_pe()
KERNEL = bytes(range(256)) * 9000
ROOM = 0x400
"""The headers of the program."""

_STAGE = """
FROM system AS updatable
RUN mkdir -p /etc/ssl/certs /usr/bin && cd /usr/bin && touch curl mkfs.vfat openssl sfdisk /sbin/openrc-run \\
    /etc/ssl/certs/ca-certificates.crt
"""
"""Programs that no build step calls: that they are there is all that is asked."""


@dataclass(frozen=True)
class Pair:
    """A private key and its public half, as files."""

    key: Path
    public: Path


def make_pair(directory: Path, name: str = "update", algorithm: str = "RSA", bits: int = 2048) -> Pair:
    """Make a key for updates."""
    pair = Pair(directory / f"{name}.key", directory / f"{name}.pub")
    bits_of = ("-pkeyopt", f"rsa_keygen_bits:{bits}") if algorithm == "RSA" else ()
    pair.key.write_bytes(openssl("genpkey", "-algorithm", algorithm, *bits_of))
    pair.public.write_bytes(openssl("pkey", "-in", str(pair.key), "-pubout"))
    return pair


def make_layout(
    directory: Path, *, segment: bytes, line: str = "one", kernel: bytes = bytes(range(256)) * 9000
) -> Path:
    """Write the layout of a program: headers and stub, three short texts, a segment, a kernel."""
    directory.mkdir(parents=True, exist_ok=True)
    head = make_pe() + b"stub" * 20_000
    parts = [(0, head), (90_000, f"ID={line}".encode()), (90_512, b"console=ttyS0"), (91_024, b"6.12")]
    parts += [(131_072, bytes(65_000) + b"header of the segment")]
    at = 131_072 + 65_021
    places = {"segment": segment, "kernel": kernel}
    pieces, small = [], b""
    for start, data in parts:
        pieces.append({"at": start, "path": "", "size": len(data), "start": len(small)})
        small += data
    for name, data in places.items():
        (directory / name).write_bytes(data)
        at = -(-at // 65_536) * 65_536
        pieces.append({"at": at, "path": str(directory / name), "size": len(data), "start": 0})
        at += len(data)
    found = {"architecture": "amd64", "digest": "00" * 32, "pieces": pieces, "sections": {}, "size": at + 100}
    (directory / "uki.head").write_bytes(small)
    (directory / "uki.json").write_text(json.dumps(found))
    return directory / "uki.json"


def add_index(layout: Path, pair: Pair, version: str = "1.4.0", **changes: object) -> Path:
    """Return the layout with an index."""
    place = layout.parent / "made"
    place.mkdir(exist_ok=True)
    (place / "loader.efi").write_bytes(LOADER)
    perform(Keys(public=(str(pair.public),), key=str(pair.key), output=str(place), epoch=EPOCH))
    values: dict[str, object] = {
        "uki": str(layout),
        "loader": str(place / "loader.efi"),
        "key": str(pair.key),
        "trusted": str(place / "update.pem"),
        "name": "web",
        "version": version,
        "output": str(place / "uki.json"),
        "epoch": EPOCH,
        **changes,
    }
    perform(Index(**values))  # type: ignore[arg-type]
    return place / "uki.json"


def make_updatable(context: Path) -> None:
    """Add a stage `updatable` to the Dockerfile of a small system (see `make_small`)."""
    with (context / "Dockerfile").open("a") as file:
        file.write(_STAGE)
