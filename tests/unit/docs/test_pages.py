"""The pages for people: every link leads somewhere, and every build file in them is right."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pytest

from frontend.config import Arguments, load
from tests.support.places import ROOT

PAGES = [ROOT / "README.md", ROOT / "bench/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]*))?\)")
EXAMPLE = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
ANY_SYSTEM = 'base: {image: "example/system:1.0"}\n'
"""What a part of a build file stands on; `--build-arg VERSION` is given to all."""
SOURCES = ("bases", "bench", "examples", "frontend", "imager", "init", "llb", "spec", "tests", "tools")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def anchors(page: Path) -> set[str]:
    """Return what can stand behind `#` in a link to a page, as GitHub and Python-Markdown make it of headings."""
    text = page.read_text()
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    ids = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return ids | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = ROOT / name
    broken = []
    for path, anchor in LINK.findall(CODE.sub("", page.read_text())):
        target = ROOT / posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else page
        if not target.is_file() or (anchor and anchor not in anchors(target)):
            broken.append(f"{path}#{anchor}")
    assert broken == []


@pytest.mark.parametrize("name", NAMES)
def test_every_build_file_is_right(name: str) -> None:
    for text in EXAMPLE.findall((ROOT / name).read_text()):
        whole = text if re.search(r"^base:", text, re.MULTILINE) else text + ANY_SYSTEM
        # What a reader puts in place of the dots.
        whole = whole.replace("sha256:...", f"sha256:{'0' * 64}").replace("ssh-ed25519 AAAA...", KEY)
        arguments = Arguments(given={"VERSION": "1.0"}, platform={"TARGETARCH": "amd64"})
        assert load(whole.encode(), name, arguments, lambda _: b"hostname: included\n").outputs


@pytest.mark.parametrize("folder", SOURCES)
def test_every_page_that_the_code_names_is_there(folder: str) -> None:
    gone = {
        f"{path.relative_to(ROOT)}: {page}"
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".o")
        for page in re.findall(r"\bdocs/[\w/-]+\.(?:json|md|svg)", path.read_text(errors="replace"))
        if not (ROOT / page).is_file()
    }
    assert gone == set()
