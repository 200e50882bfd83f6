"""Everything that the planner knows, collected before it starts: planning itself never calls the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import llb
from frontend.options import BuildOptions
from spec.document import Spec

from .origins import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """The base of the system: its tree, and its OCI image config (empty for a plain directory).

    `below` is a tree that changes less often, and that `state` is based on. `without_owners`: everything in it belongs
    to root, whatever it was.
    """

    state: llb.State
    config: Mapping[str, object] = field(default_factory=dict)
    below: llb.State | None = None
    without_owners: bool = False

    @property
    def env(self) -> tuple[tuple[str, str], ...]:
        """The environment of the processes in the image."""
        section = self.config.get("config")
        entries = section.get("Env") if isinstance(section, Mapping) else None
        return tuple(entry.partition("=")[::2] for entry in entries or ())


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """A tree that files come from, and the needed paths in it that are directories, or links to some."""

    state: llb.State
    folders: frozenset[str] = frozenset()

    @staticmethod
    def place(path: str) -> str:
        """Return a needed path in the tree, from its root."""
        return "/" if path in (".", "") else f"/{path.lstrip('/')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """One system on one platform.

    `sources` has the origins of `origins.needs`. `imager` is our own image.
    """

    spec: Spec
    options: BuildOptions
    caps: frozenset[str]
    platform: llb.Platform
    base: BaseImage
    sources: Mapping[Origin, FileSource]
    imager: llb.State
