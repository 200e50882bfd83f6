"""Which package each file is of."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.core.errors import ImagerError
from imager.rootfs import owners
from imager.rootfs.root import Root


def add(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_only_lists_of_packages_are_read(tmp_path: Path) -> None:
    info = "var/lib/dpkg/info"
    add(tmp_path, f"{info}/tool.list", "/.\n/usr\n/usr/bin/tool\n\n")
    add(tmp_path, f"{info}/libx:amd64.list", "/usr/lib/x.so\n/usr")
    for name in ("tool.conffiles", "tool", "a b.list", ".list", ":amd64.list", "-x.list"):
        add(tmp_path, f"{info}/{name}", f"/usr/of/{name}\n")
    assert owners.package_by_path(Root(tmp_path)) == {
        ".": "tool",
        "usr": "tool",
        "usr/bin/tool": "tool",
        "usr/lib/x.so": "libx",
    }


def test_both_databases_of_apk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(tmp_path, "lib/apk/db/installed", "P:one\nF:\nR:top\nF:bin\nR:sh\n\nP:bad name\nF:bin\nR:no\nP:two\nR:x\n")
    add(tmp_path, "usr/lib/apk/db/installed", "R:nobody\nP:three\nF:usr/bin\nM:0:0:755\nR:t\n")
    found = {"top": "one", "bin/sh": "one", "x": "two", "usr/bin/t": "three"}
    assert owners.package_by_path(Root(tmp_path)) == found
    monkeypatch.setattr(owners, "_MOST", 4)
    assert owners.package_by_path(Root(tmp_path)) == found
    monkeypatch.setattr(owners, "_MOST", 3)
    with pytest.raises(ImagerError) as caught:
        owners.package_by_path(Root(tmp_path))
    assert str(caught.value) == "the package databases of this system list more than 3 files"


def test_links_at_the_top_are_followed(tmp_path: Path) -> None:
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    add(tmp_path, "var/lib/dpkg/info/a.list", "/lib\n/lib/a.so\n/lib64/x\n")
    assert owners.package_by_path(Root(tmp_path)) == {"lib": "a", "usr/lib/a.so": "a", "lib64/x": "a"}
