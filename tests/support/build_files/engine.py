"""An engine for build files of any kind: whatever they name is there."""

from __future__ import annotations

import json
from dataclasses import dataclass

import llb
from frontend.gateway.client import Ref, Stat
from tests.support.build_files.cases import Case
from tests.support.fake_client import FakeClient
from tests.support.whole_request import BOOTABLE

_SIZES = json.dumps(
    {"packages": [], **{part: {"size": 1 << 20} for part in ("modules", "firmware", "unpackaged")}}
).encode()
_MADE = llb.marshal(llb.image("debian:trixie", name="[rootfs 1/1] FROM debian:trixie"))


@dataclass
class Engine(FakeClient):
    """An engine that has every file but those whose names say that they are missing."""

    @classmethod
    def of(cls, case: Case) -> Engine:
        """Return the engine that a request meets."""
        files = {**case.files, "claylinux.yaml": case.text}
        return cls(files=files, outputs={**BOOTABLE, "/uki.json": b'{"size": 1000}'}, other_frontend=_MADE)

    def stat_file(self, ref: Ref, path: str) -> Stat | None:
        if path.endswith((".dockerignore", "missing.yaml")) or "no" in path:
            return None
        directory = len(path) % 3 == 0 and not path.endswith(".yaml")
        return Stat(path, (1 << 31 | 0o755) if directory else 0o644, len(self.read_file(ref, path)))

    def read_file(self, ref: Ref, path: str) -> bytes:
        known = {**self.outputs, **self.files}.get(path, b"")
        return known or (_SIZES if path.endswith(".report.json") else b"")
