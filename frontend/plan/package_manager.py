"""What the key `package_manager` gives to the steps of package managers."""

from __future__ import annotations

import llb
from frontend.distro.family import MEMORY, PACKAGES, PackageStep
from frontend.options import DEFAULT_EPOCH
from spec.packages import CopiedText, InlineText, SmallText

from . import places
from .inputs import PlanInputs
from .origins import MAIN

ANSWERS = "/run/claylinux-answers"
"""Where the answers are in the step that installs packages."""
_CA = "/run/claylinux-ca"
_BUNDLE = f"{MEMORY}/bundle"
_NETRC = "/run/claylinux-netrc"
_SETTINGS = "/run/claylinux-apt.conf"
_SYSTEMS_CA = "/etc/ssl/certs/ca-certificates.crt"
_TIME_NS = DEFAULT_EPOCH * 1_000_000_000


def settings(inputs: PlanInputs) -> PackageStep:
    """Return what every step that downloads has, with a script that comes before its own.

    apt reads options from the file in APT_CONFIG; apk, and the libraries that it uses, have variables for them.
    """
    wanted = inputs.spec.package_manager
    env: dict[str, str] = {}
    mounts: list[llb.Mount] = []
    options: list[str] = []
    script = ""
    if wanted.proxy:
        env |= {"http_proxy": wanted.proxy, "https_proxy": wanted.proxy}
    if wanted.ca:
        mounts.append(_mount(inputs, wanted.ca, _CA))
        script = f"cat {_SYSTEMS_CA} {_CA} > {_BUNDLE} 2>/dev/null || cp {_CA} {_BUNDLE}\n"
        env |= {"SSL_CERT_FILE": _BUNDLE, "SSL_CA_CERT_FILE": _BUNDLE}
        options.append(f'Acquire::https::CaInfo "{_BUNDLE}";\n')
    if wanted.credentials:
        mounts.append(llb.Secret(target=_NETRC, id=wanted.credentials.secret, optional=False))
        env["NETRC"] = _NETRC
        options.append(f'Dir::Etc::netrc "{_NETRC}";\n')
    if options:
        mounts.append(llb.Tmpfs(target=MEMORY))
        mounts.append(_file("".join(options), _SETTINGS))
        env["APT_CONFIG"] = _SETTINGS
    return PackageStep(script=script, mounts=tuple(mounts), env=tuple(sorted(env.items())))


def place(inputs: PlanInputs) -> llb.SourceRange | None:
    """Return where the build file says how repositories are reached, if it does."""
    spec = inputs.spec
    wanted = spec.package_manager
    if wanted.ca or wanted.proxy or wanted.credentials:
        return places.location_of(spec, "package_manager")
    return places.location_of(spec, "repositories") if spec.repositories else None


def answers(inputs: PlanInputs) -> tuple[llb.Mount, ...]:
    """Return the mount of the answers, if there are any."""
    text = inputs.spec.package_manager.answers
    return (_mount(inputs, text, ANSWERS),) if text else ()


def package_files(inputs: PlanInputs, files: tuple[str, ...]) -> tuple[llb.Mount, ...]:
    """Return the mounts of packages of the build context, at their paths in it below `PACKAGES`."""
    return tuple(_bind(inputs, file, f"{PACKAGES}/{file}") for file in files)


def _mount(inputs: PlanInputs, text: SmallText, target: str) -> llb.Mount:
    match text:
        case InlineText(content=content):
            return _file(content if content.endswith("\n") else f"{content}\n", target)
        case CopiedText(source=source):
            return _bind(inputs, source, target)


def _bind(inputs: PlanInputs, source: str, target: str) -> llb.Bind:
    """Return the mount of a file of the build context."""
    context = inputs.sources[MAIN]
    return llb.Bind(target=target, source=context.state, selector=context.place(source), readonly=True)


def _file(content: str, target: str) -> llb.Mount:
    file = llb.Mkfile("/file", content.encode(), mode=0o644, timestamp_ns=_TIME_NS)
    source = llb.edit(llb.scratch(), file, name="[internal] settings of the package manager")
    return llb.Bind(target=target, source=source, selector="/file", readonly=True)
