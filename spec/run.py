"""Commands that run during the build: the key `run`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from . import hints
from .keys import NOTHING, key
from .values import mount_grammar, words


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """Shell commands that run in the system during the build."""

    HINTS: ClassVar[Mapping[str, str]] = hints.RUN
    SHORT: ClassVar[str] = "script"
    script: words.Script = key("Commands for `/bin/sh -eu`.", "update-ca-certificates")
    name: words.Title | None = key("The name of the step in the progress output.", "build plugins", default=None)
    network: Literal["default", "none", "host"] | None = key(
        "The network of the step: `default`, `none` or `host`. Default: the network of the build.", "none", default=None
    )
    env: Mapping[words.Variable, words.Content] = key(
        "Environment variables of this step.", "{LANG: C.UTF-8}", default=NOTHING
    )
    mounts: tuple[mount_grammar.MountText, ...] = key(
        "Mounts of the step, as in `RUN --mount=` of a Dockerfile: type=bind (the default), cache, tmpfs, secret, ssh. "
        "`from` names a build context or an image. Their content does not become part of the system.",
        '["type=secret,id=token,required", "source=plugins,target=/src", "type=cache,target=/root/.cache"]',
        default=(),
    )
