"""Keyboards: only those that the system has, for the program that loads them."""

from __future__ import annotations

from pathlib import Path

import pytest

import spec.keyboard
from imager.core.errors import ImagerError
from imager.customize import keyboard
from imager.requests.region import Keyboard
from tests.support.imager import EPOCH

LIST = """\
before          any section
! model
  alone
  pc104           Generic 104-key PC
  pc105           Generic 105-key PC

! layout
  us              English (US)
  de              German

! variant
  nodeadkeys      de: German (no dead keys)
  intl            us: English (US, intl., with dead keys)
"""
KEYMAPS = ("de/de.bmap.gz", "de/de-nodeadkeys.bmap.gz", "cn/cn-tib.bmap.gz", "es/ast.bmap.gz")


def add(system: Path, path: str, text: str = "") -> None:
    (system / path).parent.mkdir(parents=True, exist_ok=True)
    (system / path).write_text(text)


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    add(tmp_path, "usr/bin/systemctl")
    add(tmp_path, "usr/bin/setupcon")
    add(tmp_path, "usr/share/X11/xkb/rules/base.lst", LIST)
    return tmp_path


@pytest.fixture
def alpine(tmp_path: Path) -> Path:
    add(tmp_path, "sbin/openrc-run")
    for name in KEYMAPS:
        add(tmp_path, f"usr/share/bkeymaps/{name}")
    return tmp_path


def set_keyboard(system: Path, layout: str, variant: str | None = None, model: str = "pc105") -> None:
    wanted = spec.keyboard.Keyboard(layout=layout, variant=variant, model=model)
    keyboard.run(Keyboard(system=str(system), keyboard=wanted, epoch=EPOCH))


@pytest.mark.parametrize("listed", [True, False])
def test_console_setup(debian: Path, listed: bool) -> None:
    if not listed:
        (debian / "usr/share/X11/xkb/rules/base.lst").unlink()
    set_keyboard(debian, "de", "nodeadkeys")
    assert (debian / "etc/default/keyboard").read_text() == (
        "# By Claylinux, from the key `keyboard`.\n"
        'XKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBVARIANT="nodeadkeys"\nXKBOPTIONS=""\nBACKSPACE="guess"\n'
    )


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("dee",), "layout dee: did you mean de?"),
        (("xx",), "layout xx: there are us, de"),
        (("de", "nodedkeys"), "variant nodedkeys: did you mean nodeadkeys?"),
        (("de", "intl"), "variant intl: there are nodeadkeys"),
        (("us", "intl", "pc106"), "model pc106: did you mean pc105?"),
    ],
)
def test_what_xkb_lacks(debian: Path, words: tuple[str, ...], problem: str) -> None:
    with pytest.raises(ImagerError) as caught:
        set_keyboard(debian, *words)
    assert str(caught.value) == f"keyboard: the system has no {problem}"


def test_without_console_setup(tmp_path: Path) -> None:
    add(tmp_path, "usr/bin/systemctl")
    with pytest.raises(ImagerError, match="no program that sets one: add console-setup to `packages`"):
        set_keyboard(tmp_path, "de")


@pytest.mark.parametrize(
    ("layout", "variant", "file"),
    [
        ("de", None, "de/de.bmap.gz"),
        ("de", "nodeadkeys", "de/de-nodeadkeys.bmap.gz"),
        ("cn", "tib", "cn/cn-tib.bmap.gz"),
        ("es", "ast", "es/ast.bmap.gz"),
    ],
)
def test_busybox(alpine: Path, layout: str, variant: str | None, file: str) -> None:
    set_keyboard(alpine, layout, variant)
    text = (alpine / "etc/conf.d/loadkmap").read_text()
    assert text == f"# By Claylinux, from the key `keyboard`.\nKEYMAP=/usr/share/bkeymaps/{file}\n"


@pytest.mark.parametrize(
    ("layout", "variant", "problem"),
    [
        ("dde", None, "layout dde: did you mean de?"),
        ("cn", None, "layout cn: did you mean cn-tib?"),
        ("de", "neo", "variant neo: did you mean nodeadkeys?"),
    ],
)
def test_what_alpine_lacks(alpine: Path, layout: str, variant: str | None, problem: str) -> None:
    with pytest.raises(ImagerError) as caught:
        set_keyboard(alpine, layout, variant)
    assert str(caught.value).startswith(f"keyboard: the system has no {problem.partition(':')[0]}")


def test_without_keymaps(tmp_path: Path) -> None:
    add(tmp_path, "sbin/openrc-run")
    with pytest.raises(ImagerError, match="no keyboards: add kbd-bkeymaps to `packages`"):
        set_keyboard(tmp_path, "de")
