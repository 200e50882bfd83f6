"""What the steps that chose modules and firmware of a system wrote, in one (`imager.kernel.kernel_tree`)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def merged(paths: Iterable[str]) -> dict[str, Any]:
    """Return the reports of these files as one: what was removed is added up; else what a later one says counts."""
    found: dict[str, Any] = {}
    removed: Counter[str] = Counter()
    for path in paths:
        facts = json.loads(Path(path).read_bytes())
        removed.update(facts.get("removed", {}))
        found |= {key: value for key, value in facts.items() if value or key not in found}
    return found | ({"removed": dict(removed)} if found else {})
