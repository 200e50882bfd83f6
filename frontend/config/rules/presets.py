"""Rules that come from the distribution of a preset: what is known of it without an engine. Pure."""

from __future__ import annotations

from frontend.config.syntax.diagnostics import Collector
from spec.base import PresetBase
from spec.document import NO_BASE, Spec
from spec.files import CopiedFile, FetchedFile
from spec.presets import DISTRIBUTIONS, PRESETS
from spec.services import RUNLEVELS, ServiceSwitch
from spec.values.wording import code, listing, suggest


def family_of(spec: Spec) -> str:
    """Return the distribution of a preset; nothing for other bases."""
    base = spec.base
    return PRESETS[base.preset].distribution if isinstance(base, PresetBase) else ""


def validate_presets(spec: Spec, problems: Collector) -> None:
    """Tell what the distribution does not have."""
    if spec.base is NO_BASE:
        return
    _flavor(spec, problems)
    family = family_of(spec)
    if not family:
        return
    for name, service in spec.services.items():
        if isinstance(service, ServiceSwitch) and isinstance(service.start, str):
            _runlevel(spec, problems, name, service.start)
    for key in ("recommends", "answers"):
        if getattr(spec.package_manager, key) and not DISTRIBUTIONS[family].suites:
            place = spec.positions.of("package_manager", key)
            problems.add(place, f"apk, the package manager of {family}, has no {key}: remove this line")
    for index, repository in enumerate(spec.repositories):
        if repository.suites and not DISTRIBUTIONS[family].suites:
            place = spec.positions.of("repositories", index, "suites")
            problems.add(place, f"apk, the package manager of {family}, knows no suites: what others call so is a part "
                         "of the `url`")  # fmt: skip


def _flavor(spec: Spec, problems: Collector) -> None:
    flavor = spec.kernel.flavor
    if flavor is None:
        return
    place = spec.positions.of("kernel", "flavor")
    if not isinstance(spec.base, PresetBase):
        problems.add(place, "only presets have kernel flavors: add the kernel that you want to `packages`")
        return
    known = DISTRIBUTIONS[family_of(spec)].flavors
    if flavor not in known:
        problems.add(place, f"{spec.base.preset} has no kernel flavor {code(flavor)}: write {listing(known)}")


def _runlevel(spec: Spec, problems: Collector, service: str, runlevel: str) -> None:
    place = spec.positions.of("services", service)
    if not DISTRIBUTIONS[family_of(spec)].runlevels:
        problems.add(place, f"systemd has no runlevels: write true instead of {code(runlevel)}")
    elif runlevel not in RUNLEVELS and not _may_bring(spec, f"/etc/runlevels/{runlevel}"):
        near = suggest(runlevel, RUNLEVELS)
        hint = f"did you mean `{near}`?" if near else f"there are {listing(RUNLEVELS, 'and')}."
        own = f"/etc/runlevels/{runlevel}: {{directory: true}}"
        problems.add(place, f"there is no runlevel {code(runlevel)}: {hint} `{own}` in `files` makes one")


def _may_bring(spec: Spec, folder: str) -> bool:
    """Whether `files` makes this folder, or copies one in which it may be."""
    return any(
        f"{path}/".startswith(f"{folder}/")
        or (isinstance(entry, CopiedFile | FetchedFile) and folder.startswith(f"{path.rstrip('/')}/"))
        for path, entry in spec.files.items()
    )
