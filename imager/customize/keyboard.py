"""The keyboard of the consoles: keyboard(5) for Debian's console-setup, a file of kbd-bkeymaps for busybox."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.rootfs import initsystem
from imager.rootfs.installed import has_program
from imager.rootfs.root import Root
from imager.rootfs.text import lines, read, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import spec.keyboard
    from imager.requests.region import Keyboard

_HEAD = "# By Claylinux, from the key `keyboard`.\n"
_XKB = "usr/share/X11/xkb/rules/base.lst"
"""The models, layouts and variants of xkb-data, for people: sections that start with `! NAME`."""
_KEYMAPS = "usr/share/bkeymaps"
_END = ".bmap.gz"


def run(request: Keyboard) -> None:
    """Set the keyboard. Raises ImagerError if the system does not have it, or nothing that loads it."""
    root, keyboard = Root(Path(request.system)), request.keyboard
    if initsystem.need(root, "keyboard") == initsystem.OPENRC:
        write(root, "etc/conf.d/loadkmap", f"{_HEAD}KEYMAP=/{_keymap(root, keyboard)}\n", request.epoch)
        return
    if not has_program(root, "setupcon"):
        raise ImagerError("keyboard: the system has no program that sets one: add console-setup to `packages`")
    _check_names(root, keyboard)
    words = {"MODEL": keyboard.model, "LAYOUT": keyboard.layout, "VARIANT": keyboard.variant or "", "OPTIONS": ""}
    text = "".join(f'XKB{name}="{word}"\n' for name, word in words.items())
    write(root, "etc/default/keyboard", f'{_HEAD}{text}BACKSPACE="guess"\n', request.epoch)


def _keymap(root: Root, keyboard: spec.keyboard.Keyboard) -> str:
    """Return the file with a keyboard for busybox."""
    layouts = root.names(_KEYMAPS)
    if not layouts:
        raise ImagerError("keyboard: the system has no keyboards: add kbd-bkeymaps to `packages`")
    _known("layout", keyboard.layout, layouts)
    place = f"{_KEYMAPS}/{keyboard.layout}"
    found = [name.removesuffix(_END) for name in root.names(place) if name.endswith(_END)]
    if keyboard.variant:
        variants = [name.removeprefix(f"{keyboard.layout}-") for name in found]
        _known("variant", keyboard.variant, variants)
        # The name of the layout is a part of most, but not of all.
        wanted = found[variants.index(keyboard.variant)]
    else:
        wanted = keyboard.layout
        _known("layout", wanted, found)
    return f"{place}/{wanted}{_END}"


def _check_names(root: Root, keyboard: spec.keyboard.Keyboard) -> None:
    """Compare the names with the list of xkb-data, if the system has it: ckbcomp would fail at every boot."""
    known: dict[str, list[str]] = {}
    section: list[str] = []
    for line in lines(read(root, _XKB)):
        words = line.split()
        if words[:1] == ["!"]:
            section = known.setdefault(words[-1], [])
        elif len(words) > 1:
            # A variant belongs to the layout before the colon.
            of = words[1].removesuffix(":") if words[1].endswith(":") else ""
            section.append(f"{of}/{words[0]}" if of else words[0])
    if not known:
        return
    _known("model", keyboard.model, known.get("model", ()))
    _known("layout", keyboard.layout, known.get("layout", ()))
    if keyboard.variant:
        start = f"{keyboard.layout}/"
        own = [each.removeprefix(start) for each in known.get("variant", ()) if each.startswith(start)]
        _known("variant", keyboard.variant, own)


def _known(what: str, name: str, names: Sequence[str]) -> None:
    if name in names:
        return
    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names[:40]) or 'none'}"
    raise ImagerError(f"keyboard: the system has no {what} {name}: {hint}")
