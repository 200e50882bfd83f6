"""A Dockerfile as the base: the engine's own Dockerfile frontend builds it in the same session.

So secrets, ssh agents, named contexts and the options of the command line mean in it what they always mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import llb
from frontend.errors import EngineError, UserError
from frontend.gateway import status as wire
from frontend.image_config import read_config
from frontend.plan import places
from frontend.plan.inputs import BaseImage

if TYPE_CHECKING:
    from frontend.context import Contexts
    from frontend.gateway.client import Client
    from proto import ops_pb2
    from spec.base import DockerfileBase
    from spec.document import Spec

_FRONTEND = "dockerfile.v0"
_CONFIG = "containerimage.config"
_OURS = (
    "filename",
    "target",
    "requestid",
    "frontend.caps",
    "source",
    "dockerfilekey",
    "platform",
    "multi-platform",
    "build-arg:BUILDKIT_SYNTAX",
    "build-arg:BUILDKIT_MULTI_PLATFORM",
)
"""Options that are about our own build file, not about the Dockerfile."""


def resolve_dockerfile(
    client: Client, contexts: Contexts, spec: Spec, base: DockerfileBase, platform: llb.Platform
) -> BaseImage:
    """Return what the Dockerfile of `base` makes. Its own mistakes come back as `EngineError`, with their places."""
    at = places.at(spec, "base", "dockerfile")
    inputs = dict(contexts.inputs)
    inputs.pop("dockerfile", None)
    if "context" in inputs:
        inputs["dockerfile"] = inputs["context"]
    try:
        solved = client.solve_frontend(_FRONTEND, _options(contexts, spec, base, platform, inputs), inputs)
    except EngineError as error:
        if any(detail.get("info") for detail in wire.details(error.status, wire.SOURCE)):
            raise
        raise UserError(f"base: {base.dockerfile}: {_reason(error)}", (at,)) from None
    if solved.ref is None or solved.ref.definition is None:
        raise UserError(f"base: {base.dockerfile} makes an empty system: nothing is copied or run in it", (at,))
    config = read_config(solved.metadata.get(_CONFIG, b""), f"base: {base.dockerfile}", at)
    state = llb.from_definition(solved.ref.definition)
    return BaseImage(state=state, config=config, below=llb.image_below(state))


def _options(
    contexts: Contexts,
    spec: Spec,
    base: DockerfileBase,
    platform: llb.Platform,
    inputs: Mapping[str, ops_pb2.Definition],
) -> dict[str, str]:
    raw = contexts.options.raw
    options = {f"build-arg:{name}": value for name, value in base.args.items()}
    options |= {key: value for key, value in raw.items() if key not in _OURS and not _is_attestation(key)}
    if spec.source_date_epoch is not None:
        options.setdefault("build-arg:SOURCE_DATE_EPOCH", str(spec.source_date_epoch))
    options |= {"filename": base.dockerfile, "platform": str(platform)}
    # What asks for another frontend in the Dockerfile is not followed while this is there.
    options["cmdline"] = raw.get("cmdline") or _FRONTEND
    if base.target:
        options["target"] = base.target
    if not contexts.is_remote and "context" not in inputs:
        # The Dockerfile is where `source` is: in the context, whatever .dockerignore says of it.
        options["dockerfilekey"] = "context"
    return options


def _is_attestation(key: str) -> bool:
    """Whether an option asks for a scan or a provenance: ours is the result that has them."""
    return key.startswith(("attest:", "build-arg:BUILDKIT_ATTEST_"))


def _reason(error: EngineError) -> str:
    text = str(error)
    if "no such file" in text:
        return "no such file in the build context"
    return text
