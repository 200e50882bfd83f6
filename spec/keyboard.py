"""The keyboard of the consoles: the key `keyboard`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from . import hints
from .keys import key

if TYPE_CHECKING:
    from .values import region


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyboard:
    """The keyboard of the consoles."""

    HINTS: ClassVar[Mapping[str, str]] = hints.KEYBOARD
    SHORT: ClassVar[str] = "layout"
    layout: region.KeyboardWord = key("The layout, as XKB and Alpine name it.", "de")
    variant: region.KeyboardWord | None = key("A variant of the layout.", "nodeadkeys", default=None)
    model: region.KeyboardWord = key("The model, as XKB names it. Alpine does not need it.", "pc105", default="pc105")
