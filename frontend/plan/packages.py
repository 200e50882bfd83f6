"""Steps of package managers: bootable presets, `repositories`, `packages`, `kernel.microcode`, `remove_packages`."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import llb
from frontend.distro.family import PACKAGES, Family, PackageSource, PackageStep, Preset
from frontend.distro.registry import FAMILIES, PRESETS
from frontend.options import DEFAULT_EPOCH
from imager.requests.services import Services
from imager.target import takes_microcode
from spec.base import PresetBase
from spec.document import Spec
from spec.packages import CopiedKey, FetchedKey, InlineKey, Repository
from spec.region import PLAIN_LOCALES, PLAIN_ZONES
from spec.services import ServiceSwitch
from spec.values.words import is_package_file

from . import package_manager, places
from .inputs import PlanInputs
from .origins import MAIN
from .steps import SYSTEM, Edit, Step, cache_id, run_in_system

_KEYS = "/run/claylinux-keys"
_SCRIPT = "/run/claylinux-script"
_TIME_NS = DEFAULT_EPOCH * 1_000_000_000


def preset_of(inputs: PlanInputs) -> Preset | None:
    """Return the preset that the system starts from, or None for another base."""
    base = inputs.spec.base
    return PRESETS[base.preset] if isinstance(base, PresetBase) else None


def family_names(inputs: PlanInputs) -> list[str]:
    """Return the package managers that the system may have."""
    preset = preset_of(inputs)
    return [preset.family] if preset else sorted(FAMILIES)


def make_bootable(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with the packages of the preset.

    This is a vertex of its own, which is the same, and cached, for all users of the preset.
    """
    preset = preset_of(inputs)
    if preset is None:
        return system
    spec = inputs.spec
    kernel = preset.kernel_of(spec.kernel.flavor, inputs.platform.architecture)
    step = Step(f"[base] {preset.name} with {kernel}", places.location_of(spec, "base"), ("base",))

    def assemble(family: Family) -> PackageStep:
        return family.assemble(
            preset.packages,
            kernel,
            cache_id=cache_id(inputs, family.name),
            optional=preset.optional,
            docs=spec.package_manager.docs,
            languages=spec.package_manager.languages,
        )

    return run_package_manager(inputs, system, assemble, step)


def preset_services(inputs: PlanInputs) -> Iterator[Edit]:
    """Yield the change that switches services of the preset on and off.

    It comes right after the preset: a later step that switches one of them off is not undone.
    """
    preset = preset_of(inputs)
    if preset is None:
        return
    switches = {name: ServiceSwitch(start=start) for name, start in sorted(preset.services.items())}
    request = Services(system=SYSTEM, service=switches, lenient=True, epoch=DEFAULT_EPOCH)
    yield Edit(request, Step(f"[base] {preset.name}: services", places.location_of(inputs.spec, "base"), ("base",)))


def add_packages(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` after all steps of its package manager. Raises `UserError`."""
    system = _add_repositories(inputs, system)
    spec, needed = inputs.spec, _needed_by_keys(inputs)
    if spec.packages or needed:
        first = "packages" if spec.packages else next(iter(needed))
        title = (" ".join(spec.packages), *(f"{' '.join(names)} (for {key})" for key, names in needed.items()))
        step = Step(
            f"[packages] {', '.join(filter(None, title))}",
            places.location_of(spec, first),
            ("packages", *dict.fromkeys(each.partition(".")[0] for each in needed)),
        )
        files = tuple(each.removeprefix("./") for each in spec.packages if is_package_file(each))
        added = dict.fromkeys(name for names in needed.values() for name in names)
        names = (
            *(each for each in spec.packages if not is_package_file(each)),
            *(each for each in added if each not in spec.packages),
            *(f"{PACKAGES}/{file}" for file in files),
        )
        answers = package_manager.answers(inputs)

        def install(family: Family) -> PackageStep:
            return family.install(
                names,
                cache_id=cache_id(inputs, family.name),
                recommends=spec.package_manager.recommends,
                answers=package_manager.ANSWERS if answers else "",
            )

        mounts = (*answers, *package_manager.package_files(inputs, files))
        system = run_package_manager(inputs, system, install, step, mounts=mounts)
    system = _add_microcode(inputs, system)
    if spec.remove_packages:
        names = spec.remove_packages
        step = Step(
            f"[remove_packages] {' '.join(names)}",
            places.location_of(spec, "remove_packages"),
            ("packages", "remove_packages"),
        )
        system = run_package_manager(inputs, system, lambda each: each.remove(names), step, network="none")
    return system


def changes_packages(inputs: PlanInputs) -> bool:
    """Return whether the spec installs or removes packages."""
    spec = inputs.spec
    return bool(spec.packages or _needed_by_keys(inputs) or spec.remove_packages or microcode_of(inputs))


def _needed_by_keys(inputs: PlanInputs) -> dict[str, tuple[str, ...]]:
    """Return the packages that a preset adds for other keys, by key: another base has what its owner chose."""
    spec, preset = inputs.spec, preset_of(inputs)
    plain = {"timezone": PLAIN_ZONES, "locale": PLAIN_LOCALES}
    return {
        key: packages
        for key, packages in (preset.needed_by.items() if preset else ())
        if (value := _value(spec, key)) is not None and value not in plain.get(key, ())
    }


def _value(spec: Spec, key: str) -> object:
    """Return the value of a key such as `state.encrypt`. With `=`, None stands for another value than that."""
    path, equals, wanted = key.partition("=")
    value: object = spec
    for name in path.split("."):
        value = getattr(value, name, None)
    return value if not equals or value == wanted else None


def microcode_of(inputs: PlanInputs) -> tuple[str, ...]:
    """Return the vendors whose microcode the system gets."""
    return inputs.spec.kernel.microcode if takes_microcode(inputs.platform.architecture) else ()


def _add_microcode(inputs: PlanInputs, system: llb.State) -> llb.State:
    spec = inputs.spec
    vendors = microcode_of(inputs)
    if not vendors:
        return system
    place = places.location_of(spec, "kernel", "microcode")

    def install(family: Family) -> PackageStep:
        packages = tuple(sorted(family.microcode[vendor] for vendor in vendors))
        added = family.install(packages, cache_id=cache_id(inputs, family.name))
        if not family.microcode_component:
            return added
        source = PackageSource(name="microcode", components=(family.microcode_component,))
        return PackageStep(
            script=family.add_sources((source,)).script + added.script, mounts=added.mounts, env=added.env
        )

    step = Step(f"[kernel] microcode: {' '.join(vendors)}", place, ("packages",))
    # A base without a package manager may already have it. `kernel_checks` reports what is missing.
    return run_package_manager(inputs, system, install, step, optional=True)


def _add_repositories(inputs: PlanInputs, system: llb.State) -> llb.State:
    spec = inputs.spec
    if not spec.repositories:
        return system
    added: list[PackageSource] = []
    mounts: list[llb.Mount] = []
    for index, repository in enumerate(spec.repositories):
        name = _name(repository, index)
        key, path, key_name = repository.public_key, f"{_KEYS}/{index}", ""
        if key is not None:
            state, source, key_name = _key(inputs, key, name, index)
            mounts.append(llb.Bind(target=path, source=state, selector=source, readonly=True))
        added.append(
            PackageSource(
                name=name,
                url=repository.url or "",
                suites=repository.suites,
                components=repository.components,
                key=path if key is not None else "",
                key_name=repository.name or key_name,
            )
        )
    title = " ".join(source.url or ",".join(source.components or source.suites) for source in added)
    step = Step(f"[repositories] {title}", places.location_of(spec, "repositories"), ("packages", "repositories"))
    sources = tuple(added)
    return run_package_manager(
        inputs, system, lambda each: each.add_sources(sources), step, network="none", mounts=tuple(mounts)
    )


def _name(repository: Repository, index: int) -> str:
    """Return the name of the files of a repository. Those without a name get different ones."""
    host = urlsplit(repository.url).hostname if repository.url else None
    return repository.name or f"{host or 'more'}-{index + 1}"


def _key(
    inputs: PlanInputs, key: InlineKey | CopiedKey | FetchedKey, name: str, index: int
) -> tuple[llb.State, str, str]:
    """Return the tree of a public key, its path in the tree, and its original file name."""
    match key:
        case InlineKey(content=text):
            file = llb.Mkfile("/key", text.encode(), mode=0o644, timestamp_ns=_TIME_NS)
            return llb.edit(llb.scratch(), file, name=f"[repositories] the key of {name}"), "/key", name
        case CopiedKey(source=source):
            return inputs.sources[MAIN].state, inputs.sources[MAIN].place(source), posixpath.basename(source)
        case FetchedKey(url=url, checksum=checksum):
            place = places.location_of(inputs.spec, "repositories", index, "key")
            state = llb.http(
                url, checksum=checksum, filename="key", name=f"[repositories] the key {url}", location=place
            )
            return state, "/key", posixpath.basename(urlsplit(url).path) or name


def run_package_manager(
    inputs: PlanInputs,
    system: llb.State,
    make: Callable[[Family], PackageStep | None],
    step: Step,
    *,
    network: str | None = None,
    mounts: tuple[llb.Mount, ...] = (),
    optional: bool = False,
) -> llb.State:
    """Run the step that `make` returns for the package manager of the system.

    If the base is not a preset, the step detects its package manager. Without a supported one it fails, unless it is
    `optional`. If `make` has no step for that of a preset, the system stays as it is.
    """
    preset = preset_of(inputs)
    made = {name: make(FAMILIES[name]) for name in family_names(inputs)}
    steps = {name: each for name, each in made.items() if each is not None}
    if not steps:
        return system
    names = list(steps)
    needed: dict[str, llb.Mount] = {mount.target: mount for name in names for mount in steps[name].mounts}
    settings = package_manager.settings(inputs) if network != "none" else PackageStep(script="")
    needed |= {mount.target: mount for mount in (*mounts, *settings.mounts)}
    if network != "none":
        step = replace(step, outside=package_manager.place(inputs))
    scripts = {name: settings.script + steps[name].script for name in names}
    script = scripts[preset.family] if preset else _detect(scripts, optional=optional)
    # The script is a file, because BuildKit shows the whole command line of a failed step.
    program = llb.Mkfile("/script", script.encode(), mode=0o644, timestamp_ns=_TIME_NS)
    source = llb.edit(llb.scratch(), program, name=f"[internal] script for {step.name.partition(']')[0]}]")
    needed[_SCRIPT] = llb.Bind(target=_SCRIPT, source=source, selector="/script", readonly=True)
    env = tuple(sorted({*settings.env, *(pair for name in names for pair in steps[name].env)}))
    return run_in_system(inputs, system, f". {_SCRIPT}", step, env=env, mounts=tuple(needed.values()), network=network)


def _detect(scripts: dict[str, str], *, optional: bool) -> str:
    """Return a script that runs the branch for the package manager of the base."""
    branches = "".join(
        f"{'if' if not index else 'elif'} command -v {FAMILIES[name].command} >/dev/null 2>&1; then\n{script}"
        for index, (name, script) in enumerate(scripts.items())
    )
    managers = ", ".join(FAMILIES[name].command for name in scripts)
    complaint = f"claylinux: packages: this base has no supported package manager ({managers})"
    return branches + ("fi\n" if optional else f"else\necho {shlex.quote(complaint)} >&2\nexit 1\nfi\n")
