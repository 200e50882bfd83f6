"""Commands that run while the system is built: the key `run`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from .. import words
from .keys import NOTHING, key


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """Shell commands that run in the system while it is built."""

    SHORT: ClassVar[str] = "script"
    script: words.Script = key("Commands for `/bin/sh -eu`.", "update-ca-certificates")
    name: words.Title | None = key("What the progress shows.", "build plugins", default=None)
    network: Literal["default", "none", "host"] | None = key(
        "The network of the step: `default`, `none` or `host`. Default: as the build was started.", "none", default=None
    )
    env: Mapping[words.Variable, words.Content] = key(
        "Environment variables of this step.", "{LANG: C.UTF-8}", default=NOTHING
    )
