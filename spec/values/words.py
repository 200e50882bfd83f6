"""Names: of systems, images, contexts, packages, services, users, variables, outputs."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Annotated

from spec.compression import LEVELS, NONE
from spec.formats import OUTPUTS
from spec.presets import PRESETS

from .kinds import MismatchError, Number, Text
from .paths import USER_NAME_PATTERN
from .wording import code, listing, quote, suggest

VMDK_SUBFORMATS = ("streamOptimized", "monolithicSparse")
"""As QEMU and VMware name them."""

_IMAGE = (
    r"([a-zA-Z0-9.\-]+(:[0-9]+)?/|\[[0-9a-fA-F:]+\](:[0-9]+)?/)?[a-z0-9]+([._\-]+[a-z0-9]+)*(/[a-z0-9]+([._\-]+[a-z0-9]+)*)*"
    r"(:[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127})?(@sha256:[0-9a-f]{64})?"
)
"""github.com/distribution/reference, the grammar of its `reference`."""


_RELEASES = {row.distribution: name for name, row in reversed(PRESETS.items())}
"""The first preset of an image that people name with its tag."""


def _preset(text: str) -> str:
    if text in PRESETS:
        return text
    near = suggest(text, PRESETS)
    name = quote(text) if re.search(r"[^\w./@:\-]", text) else text
    image = f"`base: {{image: {name}}}`"
    distribution, _, tag = text.partition(":")
    if distribution in _RELEASES and tag:
        hint = f"write `base: {{preset: {_RELEASES[distribution]}, release: {tag}}}`, or {image} for the OCI image"
    elif near:
        hint = f"did you mean `{near}`?" + (f" For the OCI image, write {image}" if _is_image(text) else "")
    elif _is_image(text):
        hint = f"for the OCI image, write {image}"
    else:
        hint = f"the presets are {listing(PRESETS, 'and')}; other bases are `{{image: NAME}}` and `{{context: NAME}}`"
    raise ValueError(f"unknown preset {quote(text)}: {hint}")


def _is_image(text: str) -> bool:
    return re.fullmatch(_IMAGE, text) is not None


def _image(text: str) -> str:
    if _is_image(text):
        return text
    if text.startswith(("http://", "https://", "docker://")):
        raise MismatchError(f"remove `{text.partition('//')[0]}//`")
    if text != text.lower() and _is_image(text.lower()):
        raise MismatchError(f"write it in lower case: {code(text.lower())}")
    raise MismatchError


def is_package_file(text: str) -> bool:
    """Return whether an item of `packages` is a file of the build context."""
    return text.startswith("./")


def package_name(text: str) -> str:
    """Return the name in an item of `packages`, without version, release, architecture or repository."""
    return re.split(r"[=~<>/:@]", text, maxsplit=1)[0]


def _package(text: str) -> str:
    if is_package_file(text):
        if ".." in text.split("/") or not text.endswith((".deb", ".apk")):
            raise ValueError(f"expected a .deb or .apk in the build context, such as ./acme_1.0_amd64.deb, not {text}")
        return text
    if text.endswith((".deb", ".apk")):
        raise ValueError(f"a file of the build context starts with `./`: write ./{text}")
    if text.endswith("-"):
        raise MismatchError(f"to remove a package, write `remove_packages: [{text[:-1]}]`")
    return text


def _format(text: str) -> str:
    if text in OUTPUTS:
        return text
    if text == "image":
        raise ValueError("an OCI image is a target, not an output: remove it here, and build with --target image")
    near = suggest(text, OUTPUTS)
    hint = f"did you mean `{near}`?" if near else f"the formats are {listing(OUTPUTS, 'and')}"
    raise ValueError(f"unknown output format {quote(text)}: {hint}")


def _url(text: str, instead: str = "download with a secret in a step of `run`") -> str:
    from urllib.parse import urlsplit

    if "@" in text.split("/")[2]:
        raise ValueError(
            "the URL contains a user name or password, which the build records would keep: remove it, and " + instead
        )
    try:
        parts = urlsplit(text)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:  # not an IPv6 address, or not a port
        known = False
    if not known:
        raise MismatchError("the host or port after `//` is not valid")
    return text


def _bare_package(text: str) -> str:
    if "=" in text:
        raise MismatchError(f"the installed version is removed, so write `{text.partition('=')[0]}`")
    return text


def _start(text: str) -> bool | str:
    """Return whether a service starts, or the runlevel in which it starts."""
    switch = {"true": True, "false": False}.get(text)
    if switch is not None:
        return switch
    meant = {"yes": "true", "on": "true", "enabled": "true", "no": "false", "off": "false", "disabled": "false"}
    if text.lower() in meant:
        raise MismatchError(f"write `{meant[text.lower()]}`")
    return text


_ONE_LINE = r"[^\n\r\S]*\S[^\n\r]*"

Name = Annotated[
    str,
    Text(
        "1 to 63 characters of a-z, 0-9, `-`, `_` and `.`",
        ("edge-proxy",),
        pattern=r"[a-z0-9][a-z0-9._\-]{0,62}",
    ),
]
Preset = Annotated[str, Text(listing(PRESETS), choices=tuple(PRESETS), convert=_preset)]
ImageName = Annotated[str, Text("an OCI image", ("debian:13",), convert=_image)]
ContextName = Annotated[
    str,
    Text(
        "the NAME of a `--build-context NAME=...`",
        ("rootfs",),
        pattern=r"[A-Za-z0-9][A-Za-z0-9_./:@\-]*",
    ),
]
StageName = Annotated[
    str,
    Text("the name or number of a stage", ("rootfs",), pattern=r"[A-Za-z0-9][A-Za-z0-9_.\-]*"),
]
Package = Annotated[
    str,
    Text(
        "one package",
        ("nginx", "nginx=1.26.3-3", "./acme_1.0_amd64.deb"),
        pattern=r"\./[^\n]+|[A-Za-z0-9][A-Za-z0-9+._\-]*(:[a-z0-9\-]+)?(@[a-z][a-z0-9_\-]*)?([=~<>]{1,2}[A-Za-z0-9.+~:_\-]+|/[a-z][a-z0-9\-]*)?",
        convert=_package,
    ),
]
Service = Annotated[
    str,
    Text(
        "the name of a service",
        ("nginx", "getty@tty1.service"),
        pattern=r"[A-Za-z0-9_](\\x[0-9a-f]{2}|[A-Za-z0-9_.@:\-])*",
    ),
]
"""A backslash only escapes, as systemd-escape(1) writes it: elsewhere it could escape what follows the name."""
UserName = Annotated[
    str,
    Text(
        "a name of 1 to 32 letters, digits, `_`, `-` and `.`",
        ("admin",),
        pattern=USER_NAME_PATTERN,
    ),
]
UserNumber = Annotated[int, Number("a whole number", least=0, most=0xFFFFFFFE)]
Comment = Annotated[str, Text("text on one line, without `:`", pattern=r"[^:\n\r]*")]
Variable = Annotated[
    str,
    Text(
        "a variable name of letters, digits and `_`",
        ("LANG",),
        pattern=r"[A-Za-z_][A-Za-z0-9_]*",
    ),
]
Content = Annotated[str, Text(longest=0, lines=True)]
Script = Annotated[str, Text("shell commands", pattern=r"\s*\S[\s\S]*", longest=0, literal=True, lines=True)]
Title = Annotated[str, Text("text on one line, not empty", pattern=_ONE_LINE)]
KernelWord = Annotated[str, Text("kernel arguments on one line", ("console=ttyS0",), pattern=_ONE_LINE, also="\t")]
KernelVersion = Annotated[
    str,
    Text(
        "a kernel version as in /usr/lib/modules",
        ("6.12.48+deb13-amd64",),
        pattern=r"[A-Za-z0-9][A-Za-z0-9.+_~\-]*",
    ),
]
Format = Annotated[str, Text(listing(OUTPUTS), choices=tuple(OUTPUTS), convert=_format)]
FileName = Annotated[
    str,
    Text(
        "a file name of letters, digits, `-`, `_`, `.` and `+`",
        ("edge-1.2",),
        pattern=r"[A-Za-z0-9][A-Za-z0-9._+\-]{0,127}",
    ),
]
RepositoryName = Annotated[
    str,
    Text(
        "a file name of letters, digits, `-`, `_`, `.`, `+` and `@`",
        ("acme",),
        pattern=r"[A-Za-z0-9][A-Za-z0-9._+@\-]{0,127}",
    ),
]
"""apk looks up a key by its file name, which is often an e-mail address."""
VersionText = Annotated[
    str,
    Text(
        "a version of letters, digits, `.`, `-`, `_`, `+`, `~` and `^`",
        ("1.4.0",),
        pattern=r"[A-Za-z0-9][A-Za-z0-9.\-_+~\^]{0,127}",
    ),
]
"""os-release(5) allows these in IMAGE_VERSION, but only in lower case: the imager converts them."""
Release = Annotated[
    str,
    Text(
        "a release of the distribution, alone or with @sha256: and the 64 hex digits of its image",
        ("3.20", "trixie"),
        pattern=r"[a-z0-9][a-z0-9._\-]{0,31}(@sha256:[0-9a-f]{64})?",
    ),
]
PackageName = Annotated[
    str,
    Text("one package, without a version", ("nano",), pattern=r"[A-Za-z0-9][A-Za-z0-9+._:=\-]*", convert=_bare_package),
]
Suite = Annotated[
    str,
    Text(
        "the name of a suite, or the directory of a flat repository",
        ("trixie", "./"),
        pattern=r"[A-Za-z0-9][A-Za-z0-9._/\-]*|\.?/([A-Za-z0-9._\-]+/)*",
    ),
]
Component = Annotated[str, Text("the name of a component", ("main",), pattern=r"[A-Za-z0-9][A-Za-z0-9._/\-]*")]
_URL = Text(
    "a URL that starts with https:// or http://",
    ("https://files.example/tool.tar.gz",),
    pattern=r"https?://[^\s/]+(/[^\s]*)?",
    convert=_url,
)
Url = Annotated[str, _URL]
RepositoryUrl = Annotated[
    str,
    replace(_URL, convert=partial(_url, instead="write `package_manager: {credentials: {secret: netrc}}`")),
]
ProxyUrl = Annotated[str, replace(_URL, convert=partial(_url, instead="take a proxy that needs none"))]
Checksum = Annotated[
    str, Text("`sha256:` and the 64 hexadecimal digits that `sha256sum` prints", pattern=r"sha256:[0-9a-f]{64}")
]
ServiceStart = Annotated[
    bool | str,
    Text(
        "`true`, `false` or an OpenRC runlevel",
        ("default",),
        pattern=r"[a-z][a-z0-9_\-]{0,31}",
        convert=_start,
    ),
]
Flavor = Annotated[str, Text("a kernel flavor", ("lts", "cloud"), pattern=r"[a-z][a-z0-9\-]{0,31}")]
Language = Annotated[
    str,
    Text(
        "`all` or a language as /usr/share/locale names it",
        ("de", "pt_BR"),
        pattern=r"all|[a-z]{2,3}(_[A-Z]{2})?(@[a-z]+)?",
    ),
]
ModuleName = Annotated[
    str, Text("the name of a kernel module", ("br_netfilter",), pattern=r"[A-Za-z0-9][A-Za-z0-9_\-]*")
]
ModuleGlob = Annotated[
    str,
    Text(
        "the name, directory or pattern of kernel modules",
        ("drivers/gpu/", "nf_*"),
        pattern=r"[A-Za-z0-9_/.*?\[\]\-+]+",
    ),
]


def _tree_glob(text: str) -> str:
    if not re.search(r"[^*?/]", text):
        raise ValueError(f"{quote(text)} matches everything: name at least a part of a path, such as `/usr/share/doc/`")
    return text


TreeGlob = Annotated[
    str,
    Text(
        "a name, path or pattern of files",
        ("/usr/share/doc/", "*.pyc"),
        pattern=r"/?(?!\.{1,2}(/|$))[^/]+(/(?!\.{1,2}(/|$))[^/]+)*/?",
        convert=_tree_glob,
    ),
]
FirmwareGlob = Annotated[
    str,
    Text(
        "`all`, `none`, `auto` or a file below /usr/lib/firmware",
        ("iwlwifi-*",),
        pattern=r"[A-Za-z0-9_.*?\[\]\-+][A-Za-z0-9_/.,*?\[\]\-+]*",
    ),
]
_VENDORS = ("intel", "amd")
Vendor = Annotated[str, Text(listing(_VENDORS), choices=_VENDORS)]
SysctlName = Annotated[
    str,
    Text(
        "the full name of a kernel parameter",
        ("net.ipv4.ip_forward",),
        pattern=r"[A-Za-z0-9_*\-]+([./][A-Za-z0-9_:*\-]+)+",
    ),
]
SysctlValue = Annotated[str, Text("text on one line, not empty", pattern=_ONE_LINE, also="\t")]
VolumeLabel = Annotated[
    str,
    Text(
        "1 to 11 letters, digits, `-` and `_`",
        ("EDGE",),
        pattern=r"[A-Za-z0-9_\-]{1,11}",
    ),
]
"""FAT stores at most 11 characters."""
ROOTFS_MODES = ("auto", "overlay", "tmpfs")
ROOTFS_SOURCES = ("uki", "disk")
VmdkSubformat = Annotated[str, Text(listing(VMDK_SUBFORMATS), choices=VMDK_SUBFORMATS)]
RootfsMode = Annotated[str, Text(listing(ROOTFS_MODES), choices=ROOTFS_MODES)]
RootfsSource = Annotated[str, Text(listing(ROOTFS_SOURCES), choices=ROOTFS_SOURCES)]
Compression = Annotated[
    str,
    Text(
        f"{listing((NONE, *LEVELS))}, optionally with a level: "
        + ", ".join(f"{kind} {each.first}-{each.last}" for kind, each in LEVELS.items()),
        ("zstd:19",),
        pattern="|".join(
            [
                NONE,
                *(
                    f"{kind}(:({'|'.join(map(str, range(each.first, each.last + 1)))}))?"
                    for kind, each in LEVELS.items()
                ),
            ]
        ),
    ),
]
LabelName = Annotated[
    str,
    Text("the name of a label", ("org.opencontainers.image.source",), pattern=r"[A-Za-z0-9][A-Za-z0-9._/\-]*"),
]
LabelText = Annotated[str, Text("text on one line", pattern=r"[^\n\r]*", longest=1 << 16, also="\t")]
_PLATFORMS = ("linux/amd64", "linux/arm64")
PlatformName = Annotated[
    str,
    Text(listing(_PLATFORMS), choices=_PLATFORMS),
]
Seconds = Annotated[int, Number("seconds since 1970-01-01, a whole number", least=0, most=0x7FFFFFFF)]
