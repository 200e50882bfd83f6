"""The size report as a page: what it says, that a stranger's names stay text, and what a browser makes of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from imager.memory import moments
from imager.report import changes, treemap
from imager.report.files import DOCUMENTATION, KINDS, LIBRARY, MODULES, OTHER, PROGRAM, SCRIPT, File, kind_of
from imager.report.page import markup, page
from tests.support.engine import unavailable
from tests.support.golden import check_golden
from tests.support.places import GOLDEN

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = (
    "</script><script>document.title='taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "<!--<script>",
    "a&lt;b\"'`${document.title='taken'}",
    "__proto__",
    "constructor",
)
MEBIBYTE = 1 << 20


def shipped() -> tuple[File, ...]:
    """A system with hostile names, large files, and a crowd of small ones."""
    large = [File(f"usr/lib/{name}/{name}", "", OTHER, 3 * MEBIBYTE, 100.0) for name in HOSTILE]
    crowd = [File(f"usr/share/many/{number:04}", "crowd", OTHER, 10, 0.01) for number in range(900)]
    return (
        *large,
        File("usr/lib/modules/6.12/kernel/drivers/net/e1000.ko", "linux-image", MODULES, 20 * MEBIBYTE, 400.0),
        File("usr/bin/tool", "tools", PROGRAM, 40 * MEBIBYTE, 900.0),
        *crowd,
        File("top", "", OTHER, 1, 1.0),
    )


def report(files: tuple[File, ...], **changed: Any) -> dict[str, Any]:
    total = sum(file.size for file in files)
    sizes = {"size": total, "files": len(files)}
    none = {"size": 0, "files": 0, "compressed": 0}
    found = {
        "name": "box",
        "disk": 0,
        "uki": {
            "size": 50 * MEBIBYTE,
            "kernel": 9 * MEBIBYTE,
            "microcode": 0,
            "system": 40 * MEBIBYTE,
            "rest": MEBIBYTE,
        },
        "signer": None,
        "ram": 300 * MEBIBYTE,
        "memory": [
            {"moment": each.name, "size": each.size, "held": dict(each.held)}
            for each in moments("overlay", 50 * MEBIBYTE, total, stub_adds=True)
        ],
        "system": sizes,
        "packages": [{"name": "tools", "size": 40 * MEBIBYTE}, {"name": "linux-image", "size": 20 * MEBIBYTE}],
        "directories": [{"path": "/usr/bin", "size": 40 * MEBIBYTE}],
        "excluded": [],
        "modules": {**none, "size": 20 * MEBIBYTE},
        "firmware": none,
        "unpackaged": none,
    }
    return {**found, **changed}


def rendered(**changed: Any) -> str:
    previous = report(
        shipped(),
        packages=[{"name": name, "size": MEBIBYTE} for name in (*HOSTILE, "tools")],
        name=HOSTILE[0],
        ram=None,
    )
    excluded = [{"pattern": HOSTILE[1], "size": 1, "files": 1}]
    return page.render(report(shipped(), excluded=excluded, **changed), shipped(), "overlay", previous)


def data_of(text: str) -> dict[str, Any]:
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    found: dict[str, Any] = json.loads(data)
    return found


def test_names_of_strangers_stay_text() -> None:
    text = rendered(name=HOSTILE[1])
    assert 'onerror="' not in text
    assert len(re.findall(r"<script\b", text)) == len(re.findall(r"</script>", text)) == 2
    assert "<!--<script" not in text
    names = {cell[1] for cell in data_of(text)["cells"]}
    assert {name.rpartition("/")[2] for name in HOSTILE} <= names


def test_only_our_script_and_style_may_run() -> None:
    text = rendered()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; ")
    for pattern, kind in ((r"<script>(.*)</script>", "script"), (r"<style>(.*)</style>", "style")):
        (content,) = re.findall(pattern, text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy[1]
    markup = re.sub(r"<(style|script)\b.*?</\1>|&lt;.*?(?=<)", "", text, flags=re.DOTALL)
    assert not re.search(r"https?:|\b(src|href|style|on[a-z]+)=", markup)


def test_the_same_report_gives_the_same_page() -> None:
    assert rendered() == rendered()


def test_cells_are_the_whole_system() -> None:
    files = shipped()
    cells = treemap.cells(files, 40 * MEBIBYTE)
    assert sum(cell.size for cell in cells) == sum(file.size for file in files)
    assert sum(cell.files for cell in cells) == len(files)
    assert abs(sum(cell.compressed for cell in cells) - 40 * MEBIBYTE) < len(cells)
    crowd = [cell for cell in cells if cell.package == "crowd"]
    assert [(cell.directory, cell.name, cell.files) for cell in crowd] == [("usr/share/many", "", 900)]
    assert len(cells) < 20


def test_what_is_too_small_in_its_directory_is_counted_above() -> None:
    small = [File(f"usr/share/{number}/x", "p", OTHER, 5, 1.0) for number in range(100)]
    cells = treemap.cells((File("big", "", OTHER, 10_000_000, 1e6), *small, File("usr/x", "p", LIBRARY, 1, 1.0)), 100)
    assert [(cell.directory, cell.kind, cell.files) for cell in cells if cell.package] == [
        ("", LIBRARY, 1),
        ("", OTHER, 100),
    ]


def test_an_empty_system_has_a_page() -> None:
    assert data_of(page.render(report(()), (), "tmpfs", None))["cells"] == []


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("usr/lib/modules/6.12/kernel/x.ko.xz", MODULES),
        ("usr/lib/x86_64-linux-gnu/libc.so.6", LIBRARY),
        ("usr/lib/python3/x.py", SCRIPT),
        ("usr/share/doc/x/copyright", DOCUMENTATION),
        ("usr/sbin/init", PROGRAM),
        ("usr/libexec/x/y", PROGRAM),
        ("usr/lib/x.society", OTHER),
        ("bin", OTHER),
    ],
)
def test_files_are_of_a_kind(path: str, kind: int) -> None:
    assert KINDS[kind_of(path)] == KINDS[kind]


def test_what_grew_is_told() -> None:
    before = report((), packages=[{"name": "a", "size": 5}, {"name": "gone", "size": 7}, {"name": "same", "size": 1}])
    now = report(
        (), packages=[{"name": "a", "size": 9}, {"name": "new", "size": 1}, {"name": "same", "size": 1}], ram=None
    )
    assert [(each.name, each.more) for each in changes.of_packages(before, now)] == [("gone", -7), ("a", 4), ("new", 1)]
    whole = {each.name: each.more for each in changes.of_whole({**before, "uki": {"size": 1}}, now)}
    assert (whole["UKI"], whole["RAM to boot"]) == (50 * MEBIBYTE - 1, 0)
    text = page.render(now, (), "overlay", before)
    assert "▼ -7K" not in text
    assert '<th scope="row">gone</th>' in text


@pytest.mark.slow
def test_a_browser_draws_the_map(tmp_path: Path) -> None:
    if BROWSER is None:
        unavailable("chromium is not installed")
    place = tmp_path / "box.report.html"
    place.write_text(rendered())
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command += ["--window-size=390,844", "--dump-dom", place.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    dom = done.stdout
    drawn = re.findall(r'<button type="button" tabindex="(-?[0-9])" class="(?:frame|k[0-9])"', dom)
    assert len(drawn) > 10
    assert drawn.count("0") == 1
    assert "<title>box: what takes the space</title>" in dom
    assert 'aria-label="tools: ' in dom
    assert "▲ +39.0M since the earlier report" in dom
    assert "&lt;img src=x onerror=" in dom
    assert "<img" not in dom


def test_a_bar_has_a_color_and_a_size_for_each_part() -> None:
    colors: dict[str, int] = {}
    parts = (("one", 3 * MEBIBYTE), ("none", 0), ("two & more", MEBIBYTE))
    assert markup.bar(parts, 8 * MEBIBYTE, colors).text == (
        '<div class="bar"><svg viewBox="0 0 1000 20" preserveAspectRatio="none" role="img"'
        ' aria-label="one 3M, two &amp; more 1M">'
        '<rect class="b0" x="0.00" y="0" width="375.00" height="20"></rect>'
        '<rect class="b1" x="375.00" y="0" width="125.00" height="20"></rect></svg>'
        '<ul><li><i class="b0"></i>one 3M</li><li><i class="b1"></i>two &amp; more 1M</li></ul></div>'
    )
    assert colors == {"one": 0, "two & more": 1}
    later = markup.bar((("two & more", 1), *((f"p{number}", 1) for number in range(7))), 8, colors).text
    assert 'class="b1" x="0.00"' in later
    assert 'class="b0" x="875.00"' in later, "colors are used again"


@pytest.mark.parametrize(("size", "estimate"), [(1, 1.0), (0, 1.0), (1, 0.0), (0, 0.0)])
def test_what_is_a_four_thousandth_has_a_cell_of_its_own(size: int, estimate: float) -> None:
    large = File("d/large", "p", OTHER, 4000 - size, 4000.0 - estimate)
    found = treemap.cells((large, File("d/small", "p", OTHER, size, estimate)), 4000)
    assert ("small" in {cell.name for cell in found}) == (size > 0 or estimate > 0)


PAGES: dict[str, tuple[dict[str, Any], dict[str, Any] | None]] = {
    "first": ({"ram": None, "memory": []}, None),
    "disk": ({"disk": 30 * MEBIBYTE, "signer": {"subject": "CN=me\n", "sha256": "00ff"}}, None),
    "grown": (
        {"excluded": [{"pattern": "usr/share/doc", "size": 2 * MEBIBYTE, "files": 1999}]},
        {
            "name": "box-1.0",
            "ram": 301 * MEBIBYTE,
            "packages": [{"name": f"gone{number}", "size": (number + 1) * MEBIBYTE} for number in range(13)],
            "directories": [{"path": "/usr/bin", "size": 40 * MEBIBYTE}],
        },
    ),
    "same": ({}, {}),
}
OWN = ("page.css", "page.js", "map.html", "notes.html")


@pytest.mark.parametrize("name", PAGES)
def test_the_whole_page(name: str, update_golden: bool) -> None:
    """What stands in files of its own is left out, and what it is hashed to."""
    changed, before = PAGES[name]
    files = (File("usr/bin/tool", "tools", PROGRAM, 40 * MEBIBYTE, 900.0), File("top", "", OTHER, 1, 0.0))
    text = page.render(report(files, **changed), files, "overlay", None if before is None else report(files, **before))
    for own in OWN:
        content = (Path(page.__file__).parent / own).read_text()
        assert content in text
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        text = text.replace(content, f"[{own}]").replace(digest, f"[digest of {own}]")
    check_golden(GOLDEN / "page" / f"{name}.html", text.replace("><", ">\n<"), update=update_golden)
