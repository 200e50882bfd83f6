"""Golden files: the committed, expected text of a result. `pytest --update-golden` rewrites them."""

from __future__ import annotations

from pathlib import Path


def check_golden(path: Path, actual: str, *, update: bool) -> None:
    """Fail unless the file at `path` contains `actual`; with `update`, write it instead."""
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(actual)
        return
    assert path.exists(), f"{path.name} is missing: run pytest --update-golden and review the new file"
    assert actual == path.read_text(), f"{path.name} differs: run pytest --update-golden if the new text is correct"
