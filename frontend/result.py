"""Solved states as a gateway result for exporters (BuildKit exporter/containerimage/exptypes)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from frontend.gateway.client import Attestation, Ref, Solved

if TYPE_CHECKING:
    from llb import Platform

    from .options import BuildOptions

_CONFIG = "containerimage.config"
_SPDX = "https://spdx.dev/Document"


@dataclass(frozen=True, slots=True)
class Built:
    """What was built for one platform: the outputs, their image config, and the list of what is in the system.

    The list is at `sbom_path` of `sbom`, if the client wants one.
    """

    ref: Ref
    config: bytes
    sbom: Ref | None = None
    sbom_path: str = ""


def image_config(base: Mapping[str, object], platform: Platform, labels: Mapping[str, str]) -> bytes:
    """Return the OCI config of an image that is based on an image with the config `base`."""
    inner = base.get("config")
    config = dict(inner) if isinstance(inner, Mapping) else {}
    merged = {**(config.get("Labels") or {}), **labels}
    if merged:
        config["Labels"] = dict(sorted(merged.items()))
    document: dict[str, object] = {
        "architecture": platform.architecture,
        "os": platform.os,
        "config": config,
        # The exporter adds the layers. The history of the base would not match them.
        "rootfs": {"type": "layers", "diff_ids": []},
    }
    if platform.variant:
        document["variant"] = platform.variant
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def assemble(options: BuildOptions, built: Mapping[Platform, Built]) -> Solved:
    """Return the result of all platforms."""
    # The engine runs no scanner of its own if there is a statement of this type.
    attestations = {
        str(platform): Attestation(each.sbom, each.sbom_path, kind=_SPDX, reason="sbom")
        for platform, each in built.items()
        if each.sbom is not None
    }
    if not options.multi_platform:
        only = next(iter(built.values()))
        return Solved(ref=only.ref, metadata={_CONFIG: only.config}, attestations=attestations)
    refs = {str(platform): each.ref for platform, each in built.items()}
    metadata = {f"{_CONFIG}/{platform}": each.config for platform, each in built.items()}
    platforms = [
        {
            "ID": str(platform),
            "Platform": {"architecture": platform.architecture, "os": platform.os}
            | ({"variant": platform.variant} if platform.variant else {}),
        }
        for platform in built
    ]
    metadata["refs.platforms"] = json.dumps({"Platforms": platforms}, separators=(",", ":")).encode()
    return Solved(ref=None, refs=refs, metadata=metadata, attestations=attestations)
