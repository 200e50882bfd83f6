"""Names: of systems, images, contexts, packages, services, users, variables, outputs."""

from __future__ import annotations

import re
from typing import Annotated

from .kinds import Number, Text
from .paths import USER_NAME_PATTERN
from .wording import listing, quote, suggest

PRESETS = ("alpine-lts", "alpine-stable", "alpine-virt", "debian", "debian-cloud")
"""The bases that Claylinux knows how to assemble. `frontend.distro` has their data."""
OUTPUT_FORMATS = ("raw", "iso", "efi", "qcow2", "vmdk", "vhdx", "vhd", "vdi")
"""What can be built of a system. `imager.contract` has what makes them."""
VMDK_SUBFORMATS = ("streamOptimized", "monolithicSparse")
"""In the words of QEMU and VMware."""
COMPRESSIBLE_FORMATS = ("qcow2", "vmdk")
"""Disks whose clusters can be compressed one by one."""

_IMAGE = (
    r"([a-zA-Z0-9.\-]+(:[0-9]+)?/|\[[0-9a-fA-F:]+\](:[0-9]+)?/)?[a-z0-9]+([._\-]+[a-z0-9]+)*(/[a-z0-9]+([._\-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
"""github.com/distribution/reference, the grammar of its `reference`."""


_RELEASES = {"alpine": "alpine-lts", "debian": "debian"}
"""The preset of an image that people name with its tag."""


def _preset(text: str) -> str:
    if text in PRESETS:
        return text
    near = suggest(text, PRESETS)
    image = (
        f"write `base: {{image: {quote(text)}}}`"
        if re.search(r"[^\w./@:\-]", text)
        else f"write `base: {{image: {text}}}`"
    )
    name, _, tag = text.partition(":")
    if name in _RELEASES and tag:
        hint = f"write `base: {{preset: {_RELEASES[name]}, release: {tag}}}`, or for the OCI image {image}"
    elif near:
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


def _url(text: str) -> str:
    from urllib.parse import urlsplit

    if "@" in text.split("/")[2]:
        raise ValueError(
            "a name or password in the address would be kept in the build's records: remove it; a step of "
            "`run` can download with a secret"
        )
    try:
        parts = urlsplit(text)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:  # an IPv6 address or a port that is none
        known = False
    if not known:
        raise ValueError(f"{quote(text)} names no server: after `//` comes its name, and a port if need be")
    return text


def _bare_package(text: str) -> str:
    if "=" in text:
        raise ValueError(f"whatever version is there is removed: write {text.partition('=')[0]}")
    return text


def _start(text: str) -> bool | str:
    """Return whether a service starts, or the runlevel that it starts in."""
    switch = {"true": True, "false": False}.get(text)
    if switch is not None:
        return switch
    meant = {"yes": "true", "on": "true", "enabled": "true", "no": "false", "off": "false", "disabled": "false"}
    if text.lower() in meant:
        raise ValueError(f"write {meant[text.lower()]} instead of {quote(text)}")
    return text


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
StageName = Annotated[
    str,
    Text(expected="the name or number of a stage, such as rootfs", pattern=r"[A-Za-z0-9][A-Za-z0-9_.\-]*"),
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
Content = Annotated[str, Text(expected="a text", longest=0, control=True)]
Script = Annotated[str, Text(expected="shell commands", pattern=r"\s*\S[\s\S]*", longest=0, literal=True, control=True)]
Title = Annotated[str, Text(expected="one line that is not empty", pattern=_ONE_LINE)]
KernelWord = Annotated[
    str, Text(expected="kernel arguments on one line, such as console=ttyS0", pattern=_ONE_LINE, control=True)
]
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
RepositoryName = Annotated[
    str,
    Text(
        expected="a file name without folder, of letters, digits, `-`, `_`, `.`, `+` and `@`, such as acme",
        pattern=r"[A-Za-z0-9][A-Za-z0-9._+@\-]{0,127}",
    ),
]
"""apk looks a key up by its file name, which often is a mail address."""
VersionText = Annotated[
    str,
    Text(
        expected="a version of letters, digits, `.`, `-`, `_`, `+`, `~` and `^`, such as 1.4.0",
        pattern=r"[A-Za-z0-9][A-Za-z0-9.\-_+~\^]{0,127}",
    ),
]
"""os-release(5) allows these in IMAGE_VERSION, and in lower case only; the imager lowers them."""
Release = Annotated[
    str,
    Text(
        expected="a release, such as 3.20, trixie or trixie@sha256:...",
        pattern=r"[a-z0-9][a-z0-9._\-]{0,31}(@sha256:[0-9a-f]{64})?",
    ),
]
PackageName = Annotated[
    str,
    Text(expected="a package without version, such as nano", pattern=r"[A-Za-z0-9][A-Za-z0-9+._:=\-]*",
         convert=_bare_package),
]  # fmt: skip
Suite = Annotated[str, Text(expected="a word such as trixie or main", pattern=r"[A-Za-z0-9][A-Za-z0-9._/\-]*")]
Url = Annotated[
    str,
    Text(
        expected="an address that starts with https:// or http://",
        pattern=r"https?://[^\s/]+(/[^\s]*)?",
        convert=_url,
    ),
]
Checksum = Annotated[
    str, Text(expected="sha256: and 64 hexadecimal digits, as `sha256sum` prints them", pattern=r"sha256:[0-9a-f]{64}")
]
ServiceStart = Annotated[
    bool | str,
    Text(
        expected="true, false or the name of a runlevel",
        pattern=r"[a-z][a-z0-9_\-]{0,31}",
        convert=_start,
    ),
]
Flavor = Annotated[str, Text(expected="a kernel flavor, such as lts or cloud", pattern=r"[a-z][a-z0-9\-]{0,31}")]
ModuleName = Annotated[
    str, Text(expected="the name of a kernel module, such as br_netfilter", pattern=r"[A-Za-z0-9][A-Za-z0-9_\-]*")
]
ModuleGlob = Annotated[
    str,
    Text(
        expected="the name or path of kernel modules, such as drivers/gpu/ or nf_*",
        pattern=r"[A-Za-z0-9_/.*?\[\]\-+]+",
    ),
]
FirmwareGlob = Annotated[
    str,
    Text(
        expected="all, none, auto or a file below /usr/lib/firmware, such as iwlwifi-*",
        pattern=r"[A-Za-z0-9_.*?\[\]\-+][A-Za-z0-9_/.,*?\[\]\-+]*",
    ),
]
Vendor = Annotated[str, Text(expected="intel or amd", choices=("intel", "amd"))]
SysctlName = Annotated[
    str,
    Text(
        expected="a kernel parameter, such as net.ipv4.ip_forward", pattern=r"[A-Za-z0-9_*\-]+([./][A-Za-z0-9_:*\-]+)+"
    ),
]
SysctlValue = Annotated[str, Text(expected="a value on one line", pattern=_ONE_LINE, control=True)]
VolumeLabel = Annotated[
    str,
    Text(
        expected="a label of at most 11 letters, digits, `-` and `_`, such as EDGE",
        pattern=r"[A-Za-z0-9_\-]{1,11}",
    ),
]
"""What FAT can hold."""
ROOTFS_MODES = ("auto", "overlay", "tmpfs")
VmdkSubformat = Annotated[str, Text(expected=listing(VMDK_SUBFORMATS), choices=VMDK_SUBFORMATS)]
RootfsMode = Annotated[str, Text(expected=listing(ROOTFS_MODES), choices=ROOTFS_MODES)]
Compression = Annotated[
    str,
    Text(
        expected="none, gz, lz4, xz or zstd, with a level if need be, such as zstd:19",
        pattern=r"none|gz(:[1-9])?|lz4(:[1-9]|:1[0-2])?|xz(:[0-9])?|zstd(:[1-9]|:1[0-9]|:2[0-2])?",
    ),
]
LabelName = Annotated[
    str,
    Text(
        expected="the name of a label, such as org.opencontainers.image.source", pattern=r"[A-Za-z0-9][A-Za-z0-9._/\-]*"
    ),
]
PlatformName = Annotated[
    str,
    Text(expected="linux/amd64 or linux/arm64", choices=("linux/amd64", "linux/arm64")),
]
Seconds = Annotated[int, Number(expected="seconds since 1970-01-01", least=0, most=0x7FFFFFFF)]
