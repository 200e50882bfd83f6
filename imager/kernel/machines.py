"""What a machine asks for: a file with one modalias, or one name of a module, a line, made on the machine itself.

A modalias is the text by which the kernel describes a device, such as `pci:v00001AF4d00001000sv...`; modules.alias has
patterns of them for each driver (modprobe(8)). Loaded modules are in /proc/modules.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.core.patterns import text_matcher
from imager.core.terminal import printable
from imager.kernel import moddep
from imager.rootfs.root import LARGE, Root
from imager.rootfs.text import lines, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.kernel.moddep import Modules

_LARGEST = 1 << 20
"""The bytes that such a file may have: a large server has some ten thousand."""
_MODALIAS = re.compile(r"[A-Za-z0-9_-]+:[!-~]{0,1000}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SPECIAL = re.compile(r"[*?\[]")


def load(path: str) -> tuple[str, ...]:
    """Return the lines of a file, each once. Raises ImagerError for a line that is neither of both."""
    place = Path(path)
    given = Root(place.parent).read(place.name, _LARGEST) or b""
    found: dict[str, None] = {}
    for number, line in enumerate(lines(given.decode(errors="backslashreplace")), 1):
        text = line.strip()
        if text and not text.startswith("#"):
            if not _MODALIAS.fullmatch(text) and not _NAME.fullmatch(text):
                raise ImagerError(
                    f"`kernel.for`: line {number} of the file about the machine: expected a modalias, such "
                    f"as pci:v00001AF4d00001000sv*, or the name of a module, got {printable(text[:60])!r}"
                )
            found[text] = None
    if not found:
        raise ImagerError("`kernel.for`: the file about the machine is empty: expected a modalias in each line")
    return tuple(found)


def drivers(root: Root, version: str, modules: Modules, asked: tuple[str, ...]) -> frozenset[str]:
    """Return the modules of a kernel that a machine asks for, as far as the kernel has them in files."""
    patterns = _patterns(read(root, f"{moddep.directory_of(root, version)}/modules.alias", LARGE))
    matcher = cache(text_matcher)  # many devices try the same patterns
    found: set[str] = set()
    for text in asked:
        if ":" not in text:
            found |= modules.closure([text])
            continue
        for start in accumulate(text, initial=""):
            for pattern, name in patterns.get(start, ()):
                if matcher(pattern)(text):
                    found.add(name)
    return frozenset(found & modules.paths.keys())


def _patterns(text: str) -> Mapping[str, list[tuple[str, str]]]:
    """Return the lines like `alias pci:v*d*sv* virtio_pci`, by what stands before the first special letter."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for line in lines(text):
        words = line.split()
        if len(words) == 3 and words[0] == "alias":
            found[_SPECIAL.split(words[1], maxsplit=1)[0]].append((words[1], moddep.to_name(words[2])))
    return found
