"""Everything that a build leaves behind, to be searched for what must not be there."""

from __future__ import annotations

import base64
import gzip
import json
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.engine import Engine

KINDS = {"layer", "cache", "config", "provenance", "log", "metadata", "engine"}
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Place:
    """Bytes that a build left. `kind` is one of `KINDS`."""

    kind: str
    name: str
    content: bytes

    def holds(self, mark: str, *users: str) -> bool:
        """Tell whether the mark is in there, as it is or as the password of a user in a request."""
        needles = [mark.encode(), *(base64.b64encode(f"{before}{mark}".encode()) for before in ("", *users))]
        return self.holds_any([needle.rstrip(b"=") for needle in needles])

    def holds_any(self, needles: list[bytes]) -> bool:
        """Tell whether any of these bytes are in there."""
        content = gzip.decompress(self.content) if self.content.startswith(_GZIP) else self.content
        return any(needle in content for needle in needles)


def build(engine: Engine, data_root: Path, project: Path, folder: Path, *flags: str) -> Iterator[Place]:
    """Build the system of a project with an engine of its own; yield all that is there afterwards.

    `data_root` is the directory of the engine, `folder` an empty one for what the build exports.
    """
    more = ("--target=image", "--attest=type=provenance,mode=max", f"--metadata-file={folder}/metadata")
    cache = f"--cache-to=type=local,dest={folder}/cache,mode=max"
    done = engine.buildx(project, *more, cache, *flags, output=f"type=oci,dest={folder}/image.tar").check()
    yield Place("log", "of the build", done.log.encode())
    yield Place("log", "of the engine", Path(engine.env["DOCKER_CONFIG"]).with_name("dockerd.log").read_bytes())
    yield Place("metadata", "", (folder / "metadata").read_bytes())
    for path in (folder / "cache/blobs").rglob("*"):
        if path.is_file():
            yield Place("cache", path.name, path.read_bytes())
    with tarfile.open(folder / "image.tar") as tar:
        for member in tar:
            if file := tar.extractfile(member):
                content = file.read()
                yield Place(_kind_of(content), member.name, content)
    # Its databases, the history among them, and every snapshot.
    yield from _files(data_root)


def _files(data_root: Path) -> Iterator[Place]:
    """Yield what is in the directory of a running engine, which removes snapshots meanwhile."""
    for directory, _, names in os.walk(data_root):  # it passes over directories that are gone
        for path in (Path(directory, name) for name in names):
            with suppress(FileNotFoundError):
                if stat.S_ISREG(path.lstat().st_mode):
                    yield Place("engine", str(path), path.read_bytes())


def _kind_of(blob: bytes) -> str:
    """Return what a blob of an OCI image is."""
    if blob.startswith(_GZIP):
        return "layer"
    try:
        return "provenance" if "predicate" in json.loads(blob) else "config"
    except ValueError:
        return "layer"
