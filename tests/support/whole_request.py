"""A whole request without an engine: `ask` sends one, and the others say what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from frontend.app import handle
from frontend.gateway import status as wire
from tests.support.fake_client import FakeClient

REPORT: dict[str, object] = {
    "kernels": [{"version": "6.12", "path": "boot/vmlinuz-6.12", "machine": "amd64"}],
    "init": "/sbin/init",
    "init_machine": "amd64",
    "boot_cmdline": None,
    "size": 100,
    "os_release": {},
}


def facts(
    size: int = 1000, dead: int = 0, problem: str = "", keys: tuple[str, ...] = (), excluded: tuple[str, ...] = ()
) -> bytes:
    """What the last segment says."""
    weights = {"growth": {"files": 10, "size": size}, "dead": {"files": 1, "size": dead}}
    return json.dumps([{**weights, "problem": problem, "private_keys": keys, "excluded": excluded}]).encode()


IMAGE = {"/found.json": b'{"identities": [], "private_keys": []}'}
BOOTABLE = {**IMAGE, "/report.json": json.dumps(REPORT).encode(), "/facts.json": facts()}


def ask(text: str, client: FakeClient | None = None, **options: str) -> FakeClient:
    """Send a request with this build file, and return the client that saw it."""
    given = client or FakeClient(outputs=BOOTABLE)
    client = replace(given, files={**given.files, "claylinux.yaml": text.encode()})
    raw = {"filename": "claylinux.yaml", **options}
    environment = {f"BUILDKIT_FRONTEND_OPT_{n}": f"{key}={value}" for n, (key, value) in enumerate(raw.items())}
    environment["BUILDKIT_WORKERS"] = '[{"platforms": [{"architecture": "amd64", "os": "linux"}]}]'
    handle(client, environment)
    return client


def told(client: FakeClient) -> str:
    """Return the message of the error."""
    assert client.error is not None, "the request was to fail"
    return client.error.message


def places(client: FakeClient) -> list[int]:
    """Return the first lines of the snippets, in the order in which they are printed."""
    assert client.error is not None
    found: list[Mapping[str, Any]] = list(wire.details(client.error, wire.SOURCE))
    return [detail["ranges"][0]["start"]["line"] for detail in reversed(found) if "ranges" in detail]


def names(client: FakeClient) -> list[str]:
    """Return the vertex names of the last graph."""
    return [vertex.name for vertex in client.solved[-1].vertices.values()]
