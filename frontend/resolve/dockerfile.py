"""A Dockerfile as the base: the engine's own Dockerfile frontend builds it in the same session.

So secrets, SSH agents, named contexts and command-line options have their usual meaning in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import llb
from frontend.context import foreign
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
"""Options about our own build file, not about the Dockerfile."""


def resolve_dockerfile(
    client: Client, contexts: Contexts, spec: Spec, base: DockerfileBase, platform: llb.Platform
) -> BaseImage:
    """Return the result of the Dockerfile. Errors in it are `EngineError`, with their places in the Dockerfile."""
    at = places.location_of(spec, "base", "dockerfile")
    inputs = dict(contexts.inputs)
    inputs.pop("dockerfile", None)
    if "context" in inputs:
        inputs["dockerfile"] = inputs["context"]
    try:
        solved = client.solve_frontend(_FRONTEND, _options(contexts, spec, base, platform, inputs), inputs)
    except EngineError as error:
        if any(detail.get("info") for detail in wire.details(error.status, wire.SOURCE)):
            raise
        raise UserError(f"`base`: {base.dockerfile}: {_reason(error)}", (at,)) from None
    if solved.ref is None or solved.ref.definition is None:
        raise UserError(f"`base`: {base.dockerfile} gives an empty system: copy files into it", (at,))
    config = read_config(solved.metadata.get(_CONFIG, b""), f"`base`: {base.dockerfile}", at)
    state = foreign(solved.ref.definition, f"the result of {base.dockerfile}")
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
    # With this, the engine ignores `# syntax=` in the Dockerfile.
    options["cmdline"] = raw.get("cmdline") or _FRONTEND
    if base.target:
        options["target"] = base.target
    if not contexts.is_remote and "context" not in inputs:
        # The Dockerfile is in the context, even if .dockerignore excludes it.
        options["dockerfilekey"] = "context"
    return options


def _is_attestation(key: str) -> bool:
    """Return whether an option asks for an SBOM or a provenance: those belong to our own result."""
    return key.startswith(("attest:", "build-arg:BUILDKIT_ATTEST_"))


def _reason(error: EngineError) -> str:
    text = str(error)
    if "no such file" in text:
        return "no such file in the build context"
    return text
