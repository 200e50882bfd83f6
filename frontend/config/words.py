"""Names: of systems, images, contexts, packages, services, users, variables, outputs."""

from __future__ import annotations

import re
from typing import Annotated

from .diagnostics import listing, quote, suggest
from .kinds import Number, Text
from .paths import USER_NAME_PATTERN

PRESETS = ("debian", "debian-cloud")
"""The bases that Claylinux knows how to assemble. `frontend.distro` has their data."""
OUTPUT_FORMATS = ("raw", "iso", "efi", "qcow2", "vmdk", "vhdx", "vhd", "vdi")
"""What can be built of a system. `imager.contract` has what makes them."""

_IMAGE = (
    r"([a-zA-Z0-9.\-]+(:[0-9]+)?/|\[[0-9a-fA-F:]+\](:[0-9]+)?/)?[a-z0-9]+([._\-]+[a-z0-9]+)*(/[a-z0-9]+([._\-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
"""github.com/distribution/reference, the grammar of its `reference`."""


def _preset(text: str) -> str:
    if text in PRESETS:
        return text
    near = suggest(text, PRESETS)
    image = (
        f"write `base: {{image: {quote(text)}}}`"
        if re.search(r"[^\w./@:\-]", text)
        else f"write `base: {{image: {text}}}`"
    )
    if near:
        hint = f"did you mean `{near}`?" + (f" For the OCI image {image}" if _is_image(text) else "")
    elif _is_image(text):
        hint = f"for the OCI image {image}"
    else:
        hint = f"write {listing(PRESETS)}, or `{{image: NAME}}` or `{{context: NAME}}`"
    raise ValueError(f"there is no preset {quote(text)}: {hint}")


def _is_image(text: str) -> bool:
    return re.fullmatch(_IMAGE, text) is not None


def _image(text: str) -> str:
    if _is_image(text):
        return text
    if text.startswith(("http://", "https://", "docker://")):
        raise ValueError(f"an image has no `{text.partition('//')[0]}//` before its name: leave it off")
    if text != text.lower() and _is_image(text.lower()):
        raise ValueError(f"the name of an image is in lower case: write {text.lower()}")
    raise ValueError(f"expected an OCI image such as debian:13, not {quote(text)}")


def _package(text: str) -> str:
    if text.endswith("-"):
        raise ValueError(f"{quote(text)} would remove the package: packages can only be added here")
    return text


def _format(text: str) -> str:
    if text in OUTPUT_FORMATS:
        return text
    if text == "image":
        raise ValueError("an OCI image is not an output but a target: leave it out here and build with --target image")
    near = suggest(text, OUTPUT_FORMATS)
    hint = f"did you mean `{near}`?" if near else f"the formats are {listing(OUTPUT_FORMATS, 'and')}"
    raise ValueError(f"there is no output format {quote(text)}: {hint}")


_ONE_LINE = r"[^\n\r\S]*\S[^\n\r]*"

Name = Annotated[
    str,
    Text(
        expected="a name of at most 63 lower-case letters, digits, `-`, `_` and `.`, such as edge-proxy",
        pattern=r"[a-z0-9][a-z0-9._\-]{0,62}",
    ),
]
Preset = Annotated[str, Text(expected=listing(PRESETS), choices=PRESETS, convert=_preset)]
ImageName = Annotated[str, Text(expected="an OCI image, such as debian:13", convert=_image)]
ContextName = Annotated[
    str,
    Text(
        expected="the name of a build context given with --build-context NAME=...",
        pattern=r"[A-Za-z0-9][A-Za-z0-9_./:@\-]*",
    ),
]
Package = Annotated[
    str,
    Text(
        expected="a package, such as nginx or nginx=1.26.3-3",
        pattern=r"[A-Za-z0-9][A-Za-z0-9+._\-]*(:[a-z0-9\-]+)?(@[a-z][a-z0-9_\-]*)?([=~<>]{1,2}[A-Za-z0-9.+~:_\-]+|/[a-z][a-z0-9\-]*)?",
        convert=_package,
    ),
]
Service = Annotated[
    str,
    Text(
        expected="the name of a service, such as nginx or getty@tty1.service",
        pattern=r"[A-Za-z0-9_][A-Za-z0-9_.@:\\\-]*",
    ),
]
UserName = Annotated[
    str,
    Text(
        expected="a login name of at most 32 letters, digits, `_`, `-` and `.`, such as admin",
        pattern=USER_NAME_PATTERN,
    ),
]
UserNumber = Annotated[int, Number(expected="a whole number", least=0, most=0xFFFFFFFE)]
Comment = Annotated[str, Text(expected="one line without `:`", pattern=r"[^:\n\r]*")]
Variable = Annotated[
    str,
    Text(
        expected="the name of an environment variable (letters, digits and `_`), such as LANG",
        pattern=r"[A-Za-z_][A-Za-z0-9_]*",
    ),
]
Content = Annotated[str, Text(expected="a text", longest=0)]
Script = Annotated[str, Text(expected="shell commands", pattern=r"\s*\S[\s\S]*", longest=0)]
Title = Annotated[str, Text(expected="one line that is not empty", pattern=_ONE_LINE)]
KernelWord = Annotated[str, Text(expected="kernel arguments on one line, such as console=ttyS0", pattern=_ONE_LINE)]
KernelVersion = Annotated[
    str,
    Text(
        expected="a version as in /usr/lib/modules, such as 6.12.48+deb13-amd64",
        pattern=r"[A-Za-z0-9][A-Za-z0-9.+_~\-]*",
    ),
]
Format = Annotated[str, Text(expected=listing(OUTPUT_FORMATS), choices=OUTPUT_FORMATS, convert=_format)]
FileName = Annotated[
    str,
    Text(
        expected="a file name without folder, of letters, digits, `-`, `_`, `.` and `+`, such as edge-1.2",
        pattern=r"[A-Za-z0-9][A-Za-z0-9._+\-]{0,127}",
    ),
]
