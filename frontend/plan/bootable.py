"""Checks whether a finished system can boot, and the choice of its kernel."""

from __future__ import annotations

import llb
from frontend.config.syntax.diagnostics import Diagnostic
from imager import bootable
from spec.base import PresetBase
from spec.document import Spec
from spec.values.wording import code

from . import hidden, kernel_checks, places
from .report import KernelFile, Report


def choose_kernel(spec: Spec, report: Report, platform: llb.Platform) -> KernelFile:
    """Return the kernel to boot. Raises one `UserError` that names everything the system lacks."""
    problems = [*_init_problems(spec, report, platform), *_kernel_problems(spec, report, platform)]
    candidates = _candidates(spec, report)
    problems += hidden.problems(spec, report)
    if len(candidates) == 1:
        problems += kernel_checks.problems(spec, report, candidates[0].version, platform.architecture)
    _raise(spec, problems)
    return candidates[0]


def check_keys(spec: Spec, report: Report, platform: llb.Platform) -> None:
    """Raise a `UserError` about everything that the file asks for and the system lacks, whatever boots it."""
    lacking = kernel_checks.problems(spec, report, spec.kernel.version or "", platform.architecture)
    _raise(spec, [*lacking, *hidden.problems(spec, report)])


def _raise(spec: Spec, problems: list[Diagnostic]) -> None:
    if problems:
        raise places.user_error(spec, problems)


def _candidates(spec: Spec, report: Report) -> tuple[KernelFile, ...]:
    wanted = spec.kernel.version
    return tuple(kernel for kernel in report.kernels if wanted in (None, kernel.version))


def _init_problems(spec: Spec, report: Report, platform: llb.Platform) -> list[Diagnostic]:
    base = spec.positions.of("base")
    if report.init is None:
        return [
            Diagnostic(
                base,
                f"{bootable.NO_INIT}: add an init system to `packages` (for example "
                "`systemd-sysv` on Debian, `openrc` and `busybox` on Alpine)",
            )
        ]
    if report.init_machine and report.init_machine != platform.architecture:
        return [Diagnostic(base, f"{report.init} is a program for {report.init_machine}; the image is for {platform}")]
    return []


def _kernel_problems(spec: Spec, report: Report, platform: llb.Platform) -> list[Diagnostic]:
    base, candidates = spec.positions.of("base"), _candidates(spec, report)
    versions = ", ".join(kernel.version for kernel in report.kernels)
    if not report.kernels:
        return [Diagnostic(base, _no_kernel(spec, platform))]
    if not candidates:
        text = f"this system has no kernel {code(spec.kernel.version or '')}: it has {versions}"
        return [Diagnostic(spec.positions.of("kernel", "version"), text)]
    if len(candidates) > 1:
        text = (
            f"this system has {len(candidates)} kernels ({versions}): choose one "
            f"(for example `kernel: {{version: {candidates[-1].version}}}`)"
        )
        return [Diagnostic(spec.positions.of("kernel"), text)]
    machine = candidates[0].machine
    if machine and machine != platform.architecture:
        return [Diagnostic(base, f"kernel {candidates[0].version} is for {machine}; the image is for {platform}")]
    return []


def _no_kernel(spec: Spec, platform: llb.Platform) -> str:
    preset = "" if isinstance(spec.base, PresetBase) else ", or start from a preset (for example `base: debian`)"
    return (
        f"{bootable.NO_KERNEL}: add the kernel of its distribution to "
        f"`packages` (for example `linux-image-cloud-{platform.architecture}` on Debian){preset}"
    )
