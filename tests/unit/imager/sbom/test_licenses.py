"""Licenses in the words of SPDX."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from spdx_tools.spdx.parser.error import SPDXParsingError
from spdx_tools.spdx.parser.jsonlikedict.license_expression_parser import (
    LicenseExpressionParser,
)

from imager.rootfs.root import Root
from imager.sbom import licenses
from imager.sbom.component import License
from tests.support.places import ROOT

HEAD = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"


def of_debian(tmp_path: Path, text: str) -> License:
    place = tmp_path / "usr/share/doc/pkg/copyright"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    return licenses.of_copyright(licenses.copyright_of(Root(tmp_path), "pkg"))


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("MIT", "MIT"),
        ("mit and gpl-2.0-ONLY", "MIT AND GPL-2.0-only"),
        ("(MIT OR Apache-2.0) AND Zlib", "(MIT OR Apache-2.0) AND Zlib"),
        ("GPL-2.0-only WITH Linux-syscall-note", "GPL-2.0-only WITH Linux-syscall-note"),
        ("BSD", ""),
        ("MIT GPL-2.0-only", ""),
        ("MIT AND", ""),
        ("(MIT", ""),
        ("MIT)", ""),
        ("custom:own text", ""),
    ],
)
def test_expressions_of_alpine(text: str, expression: str) -> None:
    found = licenses.of_expression(text)
    assert found == (License(expression=expression) if expression else License(names=(text,)))
    if expression:
        parsed = LicenseExpressionParser().parse_license_expression(expression)
        assert str(parsed) == expression


def test_the_parser_of_others_refuses_what_we_do() -> None:
    with pytest.raises(SPDXParsingError):
        LicenseExpressionParser().parse_license_expression("MIT AND")


def test_no_license() -> None:
    assert licenses.of_expression("  ") == License()


@pytest.mark.parametrize(
    ("names", "expression"),
    [
        (("GPL-2+",), "GPL-2.0-or-later"),
        (("GPL-2.0+", "GPL-2+"), "GPL-2.0-or-later"),
        (("LGPL-2.1", "Expat"), "LGPL-2.1-only AND MIT"),
        (("GFDL-1.3+", "AGPL-3"), "AGPL-3.0-only AND GFDL-1.3-or-later"),
        (("GPL-1+ or Artistic-1.0", "ISC"), "(GPL-1.0-or-later OR Artistic-1.0) AND ISC"),
        (("BSD-3-clause and MIT", "MIT"), "BSD-3-Clause AND MIT"),
    ],
)
def test_names_of_debian(tmp_path: Path, names: tuple[str, ...], expression: str) -> None:
    text = HEAD + "".join(f"\nFiles: {n}\nCopyright: me\nLicense: {name}\n text\n" for n, name in enumerate(names))
    assert of_debian(tmp_path, text) == License(expression=expression)


def test_a_name_without_a_certain_meaning_makes_no_expression(tmp_path: Path) -> None:
    text = f"{HEAD}\nLicense: GPL-2+\n\nLicense: public-domain\n"
    assert of_debian(tmp_path, text) == License(names=("GPL-2+", "public-domain"))
    # In Debian's grammar, the comma binds less than `and`; in SPDX there is none.
    assert of_debian(tmp_path, f"{HEAD}\nLicense: MIT or ISC, and Zlib\n").expression == ""


def test_a_file_for_people_says_nothing(tmp_path: Path) -> None:
    assert of_debian(tmp_path, "This is free software.\nLicense: GPL-2+\n") == License()
    assert licenses.copyright_of(Root(tmp_path), "other") == ""


def test_the_list_is_that_of_spdx() -> None:
    script = f"import runpy; print(runpy.run_path({str(ROOT / 'tools/gen-licenses')!r})['listed'](), end='')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert licenses.LIST.read_text() == done.stdout, "run tools/gen-licenses"
