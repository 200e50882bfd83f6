"""Names of keys that `keys add` takes: a file of the directory, and none that has another meaning."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.secureboot.keyring import Keyring


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        *((name, "is no name for a new key") for name in ("PK", "KEK", "db", "dbx", "", "../x", "a/b", ".a", "-a")),
        ("a" * 62, "is no name for a new key"),
        ("a\n", "is no name for a new key"),
        *((name, "make keys there first, with `keys` alone") for name in ("a" * 61, "db-2027", "9", "A._-")),
    ],
)
def test_names(tmp_path: Path, name: str, problem: str) -> None:
    with pytest.raises(ImagerError, match=problem):
        Keyring(tmp_path, 0).add(name, "")
    assert list(tmp_path.iterdir()) == []
