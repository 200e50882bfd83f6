"""Rules about the distribution of a preset: all that is known without an engine. Pure."""

from __future__ import annotations

from frontend.config.syntax.diagnostics import Collector
from spec.base import PresetBase
from spec.document import NO_BASE, Spec
from spec.files import CopiedFile, FetchedFile
from spec.presets import DISTRIBUTIONS, PRESETS
from spec.services import RUNLEVELS, ServiceSwitch
from spec.values.wording import code, listing, must_be, quote, suggest


def distribution_of(spec: Spec) -> str:
    """Return the distribution of a preset; an empty text for other bases."""
    base = spec.base
    return PRESETS[base.preset].distribution if isinstance(base, PresetBase) else ""


def validate_presets(spec: Spec, problems: Collector) -> None:
    """Report everything that the distribution does not have."""
    if spec.base is NO_BASE:
        return
    _flavor(spec, problems)
    distribution = distribution_of(spec)
    _unread(spec, problems, distribution)
    if not distribution:
        return
    for name, service in spec.services.items():
        if isinstance(service, ServiceSwitch) and isinstance(service.start, str):
            _runlevel(spec, problems, name, service.start)
    for key in ("recommends", "answers"):
        if getattr(spec.package_manager, key) and not DISTRIBUTIONS[distribution].suites:
            place = spec.positions.of("package_manager", key)
            manager = DISTRIBUTIONS[distribution].family
            text = f"{manager}, the package manager of {distribution}, has no {code(key)}: remove this line"
            problems.add(place, text)
    for index, repository in enumerate(spec.repositories):
        if repository.suites and not DISTRIBUTIONS[distribution].suites:
            place = spec.positions.of("repositories", index, "suites")
            problems.add(place, f"{DISTRIBUTIONS[distribution].family}, the package manager of {distribution}, has no "
                         "suites: write the release in the `url`")  # fmt: skip


def _unread(spec: Spec, problems: Collector, distribution: str) -> None:
    """Report the keys for what a preset leaves out, where there is no such preset."""
    if distribution and DISTRIBUTIONS[distribution].leaves_out:
        return
    presets = listing([name.capitalize() for name, row in DISTRIBUTIONS.items() if row.leaves_out])
    for key, package in (("docs", "docs"), ("languages", "lang")):
        if getattr(spec.package_manager, key):
            instead = "remove this line: other bases keep what they have"
            if distribution:
                instead = f"on {distribution}, add the package `{package}` to `packages`"
            problems.add(
                spec.positions.of("package_manager", key), f"only presets of {presets} have {code(key)}: {instead}"
            )


def _flavor(spec: Spec, problems: Collector) -> None:
    flavor = spec.kernel.flavor
    if flavor is None:
        return
    place = spec.positions.of("kernel", "flavor")
    if not isinstance(spec.base, PresetBase):
        problems.add(place, "only presets have kernel flavors: remove `flavor`, and add the kernel to `packages`")
        return
    known = DISTRIBUTIONS[distribution_of(spec)].flavors
    if flavor not in known:
        problems.add(place, f"`flavor` of {spec.base.preset} {must_be(listing(known))}; got {quote(flavor)}")


def _runlevel(spec: Spec, problems: Collector, service: str, runlevel: str) -> None:
    place = spec.positions.of("services", service)
    if not DISTRIBUTIONS[distribution_of(spec)].runlevels:
        expected = must_be("`true` or `false`")
        problems.add(place, f"{code(service)} {expected}; got {quote(runlevel)}: systemd has no runlevels")
    elif runlevel not in RUNLEVELS and not _may_bring(spec, f"/etc/runlevels/{runlevel}"):
        near = suggest(runlevel, RUNLEVELS)
        hint = f"did you mean `{near}`?" if near else f"the runlevels are {listing(RUNLEVELS, 'and')}."
        own = f"/etc/runlevels/{runlevel}: {{directory: true}}"
        problems.add(place, f"unknown runlevel {code(runlevel)}: {hint} To create one, add `{own}` to `files`")


def _may_bring(spec: Spec, directory: str) -> bool:
    """Return whether `files` creates this directory, or copies one that may contain it."""
    return any(
        f"{path}/".startswith(f"{directory}/")
        or (isinstance(entry, CopiedFile | FetchedFile) and directory.startswith(f"{path.rstrip('/')}/"))
        for path, entry in spec.files.items()
    )
