"""Which unit another one wakes (systemd.socket(5), systemd.timer(5), systemd.path(5), systemd.automount(5))."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.rootfs import systemd_start
from imager.rootfs.root import Root
from imager.rootfs.systemd_units import UnitFiles


@pytest.mark.parametrize(
    ("name", "text", "woken"),
    [
        ("a.socket", "[Socket]\nListenStream=1\n", "a.service"),
        *(("a.socket", f"[Socket]\nAccept={yes}\n", "a@.service") for yes in ("yes", "true", "1", "on")),
        ("a.socket", "[Socket]\nAccept=yes\nAccept=no\n", "a.service"),
        ("a.socket", "[Socket]\nAccept=yes\nService=b.service\n", "b.service"),
        ("a.timer", "[Timer]\nOnBootSec=1\n", "a.service"),
        ("a.timer", "[Timer]\nUnit=b.service\n", "b.service"),
        ("a.path", "[Path]\nUnit=b.service\n", "b.service"),
        ("srv-data.automount", "[Automount]\nWhere=/srv/data\n", "srv-data.mount"),
    ],
)
def test_what_a_unit_wakes(tmp_path: Path, name: str, text: str, woken: str) -> None:
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    (units / name).write_text(text)
    unit = UnitFiles(Root(tmp_path)).find(name)
    assert unit is not None
    assert systemd_start.woken_by(unit) == woken
