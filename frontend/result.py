"""Solved states as a gateway result for exporters (BuildKit exporter/containerimage/exptypes)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from frontend.gateway.client import Ref, Solved

if TYPE_CHECKING:
    from llb import Platform

    from .options import BuildOptions

_CONFIG = "containerimage.config"


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


def assemble(options: BuildOptions, built: Mapping[Platform, tuple[Ref, bytes]]) -> Solved:
    """Return the result. `built` has a ref and an image config for each platform."""
    if not options.multi_platform:
        ref, config = next(iter(built.values()))
        return Solved(ref=ref, metadata={_CONFIG: config})
    refs = {str(platform): ref for platform, (ref, _) in built.items()}
    metadata = {f"{_CONFIG}/{platform}": config for platform, (_, config) in built.items()}
    platforms = [
        {
            "ID": str(platform),
            "Platform": {"architecture": platform.architecture, "os": platform.os}
            | ({"variant": platform.variant} if platform.variant else {}),
        }
        for platform in built
    ]
    metadata["refs.platforms"] = json.dumps({"Platforms": platforms}, separators=(",", ":")).encode()
    return Solved(ref=None, refs=refs, metadata=metadata)
