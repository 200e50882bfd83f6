"""Everything the planner knows, gathered before it starts: planning itself asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import llb
from frontend.options import BuildOptions
from spec.document import Spec

from .origins import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """Where the system starts: its tree, and the OCI image config it came with (empty for a plain folder).

    `below` is a tree that changes less often, and that `state` was made of.
    """

    state: llb.State
    config: Mapping[str, object] = field(default_factory=dict)
    below: llb.State | None = None

    @property
    def env(self) -> tuple[tuple[str, str], ...]:
        """The environment that the image gives to its processes."""
        section = self.config.get("config")
        entries = section.get("Env") if isinstance(section, Mapping) else None
        return tuple(entry.partition("=")[::2] for entry in entries or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """A tree that files come from, and which of the needed paths in it are folders."""

    state: llb.State
    folders: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """One system on one platform.

    `sources` has what `origins.needs` asked for. `imager` is our own image.
    """

    spec: Spec
    options: BuildOptions
    caps: frozenset[str]
    platform: llb.Platform
    base: BaseImage
    sources: Mapping[Origin, FileSource]
    imager: llb.State
