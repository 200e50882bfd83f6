"""What a build file wants to leave out of the image: patterns of paths, compared while a tree is walked.

A pattern without `/` matches names in any directory. One with `/` matches paths, from any directory on, or with a
leading `/` only from the top. `*`, `?` and `[abc]` match characters in one name (see `imager.core.patterns`), `**` any
number of directories. A pattern that ends with `/` matches only directories. What is in a matching directory is left
out with it.

Each directory carries how far the patterns have matched its path. So a name is compared once with one component of each
pattern, and the work grows with the length of the paths, whatever a pattern or a name looks like.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from imager.core import patterns

Progress = frozenset[tuple[int, int]]
"""Numbers of patterns, with the number of the component that the next name has to match."""
_ANY = "**"


@dataclass(frozen=True)
class _Pattern:
    components: tuple[patterns.Matcher | None, ...]
    """None stands for any number of directories."""
    only_directories: bool


class Exclusion:
    """Compiled patterns. `start` is the progress in the top directory."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(texts)
        self._patterns = tuple(map(_compile, self.texts))
        self.start: Progress = frozenset(step for number in range(len(self.texts)) for step in self._open(number, 0))

    def __bool__(self) -> bool:
        return bool(self.texts)

    def enter(self, progress: Progress, name: bytes, *, directory: bool) -> tuple[frozenset[int], Progress]:
        """Return the numbers of the patterns that match here, and the progress in the directory `name`."""
        text = os.fsdecode(name)
        matched: set[int] = set()
        further: set[tuple[int, int]] = set()
        for number, at in progress:
            pattern = self._patterns[number]
            component = pattern.components[at]
            if component is None:
                further.update(self._open(number, at))
            elif component(text):
                if at + 1 < len(pattern.components):
                    further.update(self._open(number, at + 1))
                elif directory or not pattern.only_directories:
                    matched.add(number)
        return frozenset(matched), frozenset(further)

    def _open(self, number: int, at: int) -> Iterable[tuple[int, int]]:
        """Yield the components that may match next: `**` may also stand for nothing."""
        yield number, at
        if self._patterns[number].components[at] is None:
            yield number, at + 1


def _compile(text: str) -> _Pattern:
    inner = text.strip("/")
    components: list[patterns.Matcher | None] = [] if text.startswith("/") else [None]
    for part in inner.split("/"):
        if part != _ANY:
            components.append(patterns.name_matcher(part))
        elif not components or components[-1] is not None:
            components.append(None)
    if components[-1] is None:  # `x/**`: everything in x
        components.append(patterns.name_matcher("*"))
    return _Pattern(tuple(components), text.endswith("/"))
