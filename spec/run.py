"""Commands that run while the system is built: the key `run`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from . import hints
from .keys import NOTHING, key
from .values import mount_grammar, words


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """Shell commands that run in the system while it is built."""

    HINTS: ClassVar[Mapping[str, str]] = hints.RUN
    SHORT: ClassVar[str] = "script"
    script: words.Script = key("Commands for `/bin/sh -eu`.", "update-ca-certificates")
    name: words.Title | None = key("What the progress shows.", "build plugins", default=None)
    network: Literal["default", "none", "host"] | None = key(
        "The network of the step: `default`, `none` or `host`. Default: as the build was started.", "none", default=None
    )
    env: Mapping[words.Variable, words.Content] = key(
        "Environment variables of this step.", "{LANG: C.UTF-8}", default=NOTHING
    )
    mounts: tuple[mount_grammar.MountText, ...] = key(
        "What the step has beside the system, in the words of `RUN --mount=`: type=bind (the default), cache, tmpfs, "
        "secret or ssh. `from` names a build context or an image. Nothing of it stays in the system.",
        '["type=secret,id=token,required", "source=plugins,target=/src", "type=cache,target=/root/.cache"]',
        default=(),
    )
