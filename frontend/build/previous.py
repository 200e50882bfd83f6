"""The report of an earlier build, which `--build-context previous=DIRECTORY` gives for comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

import llb
from frontend import documents
from frontend.errors import AnswerError, UserError
from frontend.plan.sizes import Earlier, report_name
from spec.values.wording import code

if TYPE_CHECKING:
    from frontend.context import Contexts
    from frontend.gateway.client import Client

CONTEXT = "previous"
_LIMIT = 8 << 20
"""Bytes. The report of a system with ten thousand packages has two million."""
_ROW = {"size": int}
_SHAPE = {
    "schema": int,
    "name": str,
    "ram": (int, documents.NONE),
    "packages": [{"name": str, **_ROW}],
    "directories": [{"path": str, **_ROW}],
    **dict.fromkeys(("uki", "system", "modules", "firmware", "unpackaged"), _ROW),
}


def find(client: Client, contexts: Contexts, name: str, platform: llb.Platform) -> Earlier | None:
    """Return the earlier report about the system `name`, or None if none was given. Raises `UserError`."""
    context = contexts.named(CONTEXT)
    if context is None:
        return None
    wanted = report_name(name, "json").lstrip("/")
    # Builds for several platforms have a directory for each.
    paths = (wanted, f"{str(platform).replace('/', '_')}/{wanted}")
    state = contexts.named_state(context, paths)
    ref = client.solve(llb.marshal(state)).ref
    for path in paths:
        found = client.stat_file(ref, path) if ref is not None and ref.id else None
        if ref is not None and found is not None and found.is_file:
            _check(client.read_file(ref, path) if found.size <= _LIMIT else b"", path)
            return Earlier(state, path)
    raise UserError(
        f"build context {code(CONTEXT)} has no {wanted}: pass the directory that an earlier build with "
        "--target=report wrote"
    )


def _check(data: bytes, path: str) -> None:
    try:
        documents.read(data, path, _SHAPE)
    except AnswerError as error:
        raise UserError(f"build context {code(CONTEXT)}: {error.reason}: it must be one of --target=report") from None
