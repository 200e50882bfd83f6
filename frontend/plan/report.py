"""What `imager inspect` found in a finished system, and whether it can be booted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import llb
from frontend.errors import UserError
from imager import bootable
from spec.base import PresetBase
from spec.document import Spec

from . import hidden, kernel, places
from .kernel import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFile:
    """A kernel found in the system; `machine` is an OCI architecture, empty where its format does not tell."""

    version: str
    path: str
    machine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The facts about a system that decide how it boots; see `imager.report.inspection`."""

    kernels: tuple[KernelFile, ...] = ()
    init: str | None = None
    init_machine: str = ""
    boot_cmdline: str | None = None
    os_release: Mapping[str, str] = field(default_factory=dict)
    kernel_tree: Mapping[str, Any] = field(default_factory=dict)
    unknown_modules: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    no_overlay: Mapping[str, Sequence[str]] = field(default_factory=dict)
    no_decoder: Mapping[str, Sequence[str]] = field(default_factory=dict)
    leftovers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hidden_files: Mapping[str, str] = field(default_factory=dict)
    hidden_homes: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def parse_report(data: bytes) -> Report:
    """Decode the JSON that `imager inspect` wrote."""
    raw = json.loads(data)
    kernels = (KernelFile(version=k["version"], path=k["path"], machine=k["machine"] or "") for k in raw["kernels"])
    return Report(
        kernels=tuple(kernels),
        init=raw["init"],
        init_machine=raw["init_machine"] or "",
        boot_cmdline=raw["boot_cmdline"],
        os_release=raw["os_release"],
        kernel_tree=raw.get("kernel_tree", {}),
        unknown_modules=raw.get("unknown_modules", {}),
        no_overlay=raw.get("no_overlay", {}),
        no_decoder=raw.get("no_decoder", {}),
        leftovers=raw.get("leftovers", {}),
        hidden_files=raw.get("hidden_files", {}),
        hidden_homes=raw.get("hidden_homes", {}),
    )


def choose_kernel(spec: Spec, report: Report, platform: llb.Platform) -> KernelFile:
    """Return the kernel to boot. Raises one `UserError` that names everything the system lacks."""
    problems = [*_init_problems(report, platform), *_kernel_problems(spec, report, platform)]
    candidates = _candidates(spec, report)
    problems += hidden.problems(spec, report)
    if len(candidates) == 1:
        problems += kernel.problems(spec, report, candidates[0].version, platform.architecture)
    _raise(spec, problems)
    return candidates[0]


def check_keys(spec: Spec, report: Report, platform: llb.Platform) -> None:
    """Raise a `UserError` about what the system lacks of what the file asks for, whatever is to boot it."""
    lacking = kernel.problems(spec, report, spec.kernel.version or "", platform.architecture)
    _raise(spec, [*lacking, *hidden.problems(spec, report)])


def _raise(spec: Spec, problems: list[Problem]) -> None:
    if problems:
        ranges = tuple(dict.fromkeys(places.at(spec, *path) for _, path in problems))
        raise UserError("\n".join(text for text, _ in problems), ranges)


def _candidates(spec: Spec, report: Report) -> tuple[KernelFile, ...]:
    wanted = spec.kernel.version
    return tuple(kernel for kernel in report.kernels if wanted in (None, kernel.version))


def _kernel_problems(spec: Spec, report: Report, platform: llb.Platform) -> list[Problem]:
    candidates = _candidates(spec, report)
    versions = ", ".join(kernel.version for kernel in report.kernels)
    if not report.kernels:
        return [
            (
                f"{bootable.NO_KERNEL}: add the kernel of "
                f"its distribution to `packages` (Debian: {_debian_kernel(platform)}), or take a preset as "
                f"base{_hint(spec)}",
                ("base",),
            )
        ]
    if not candidates:
        return [(f"no kernel {spec.kernel.version!r} in this system: it has {versions}", ("kernel", "version"))]
    if len(candidates) > 1:
        return [(f"this system has {len(candidates)} kernels ({versions}): choose one with `kernel: {{version: ...}}`",
                 ("kernel",))]  # fmt: skip
    machine = candidates[0].machine
    if machine and machine != platform.architecture:
        return [(f"kernel {candidates[0].version} is for {machine}, but the image is for {platform}", ("base",))]
    return []


def _init_problems(report: Report, platform: llb.Platform) -> list[Problem]:
    if report.init is None:
        return [
            (
                f"{bootable.NO_INIT}: add an init system to `packages` "
                "(Debian: systemd-sysv; Alpine: openrc and busybox)",
                ("base",),
            )
        ]
    if report.init_machine and report.init_machine != platform.architecture:
        return [
            (
                f"{report.init} is a program for {report.init_machine}, but the image is for {platform}",
                ("base",),
            )
        ]
    return []


def _debian_kernel(platform: llb.Platform) -> str:
    return f"linux-image-cloud-{platform.architecture}"


def _hint(spec: Spec) -> str:
    return "" if isinstance(spec.base, PresetBase) else " (`base: debian`)"
