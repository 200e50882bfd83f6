"""The key `run`: commands of the user, one build step each."""

from __future__ import annotations

from collections.abc import Iterator

import llb
from frontend.config.decode.scripts import mentioned
from frontend.distro.family import PackageStep
from frontend.distro.registry import FAMILIES
from frontend.options import DEFAULT_EPOCH
from spec.run import RunStep
from spec.values.run_mounts import BindMount, CacheMount, RunMount, SecretMount, SshMount, TmpfsMount

from . import places
from .inputs import PlanInputs
from .origins import origin_of_mount
from .packages import family_names
from .steps import Step, cache_id, run_in_system

_TITLE = 60
"""The most characters of a script that the progress shows if the step has no name."""
_EMPTY = CacheMount(target="/cache", id="")


def add_run_steps(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` after all steps, in order."""
    spec = inputs.spec
    quiet = [FAMILIES[name].in_run() for name in family_names(inputs)]
    given = dict(inputs.base.env)
    defaults = {name: value for each in quiet for name, value in each.env if name not in given}
    for index, run in enumerate(spec.run):
        title = run.name or " ".join(run.script.split())[:_TITLE]
        keys = ("run", run.name or "run")
        step = Step(f"[run {index + 1}/{len(spec.run)}] {title}", places.location_of(spec, "run", index), keys)
        system = run_in_system(
            inputs,
            system,
            run.script,
            step,
            env=tuple(sorted({**defaults, **dict(environment(inputs, run))}.items())),
            mounts=(*(each for mount in run.mounts for each in _mounts(inputs, mount)), *_quiet_mounts(quiet, run)),
            secret_env=tuple(_secret_variables(run)),
            network=run.network,
        )
    return system


def _quiet_mounts(quiet: list[PackageStep], run: RunStep) -> tuple[llb.Mount, ...]:
    """Return what keeps packages from starting services, where the step itself mounts nothing."""
    taken = {mount.target for mount in run.mounts}
    return tuple(mount for each in quiet for mount in each.mounts if mount.target not in taken)


def environment(inputs: PlanInputs, run: RunStep) -> tuple[tuple[str, str], ...]:
    """Return the variables of a step in addition to those of the base: its own, and the arguments that it mentions.

    This is like ARG in a Dockerfile, but only arguments that a script mentions are part of its cache key.
    """
    arguments = inputs.spec.arguments
    own = {name: arguments[name] for name in mentioned(run.script, arguments)}
    return tuple(sorted({**own, **run.env}.items()))


def _mounts(inputs: PlanInputs, mount: RunMount) -> Iterator[llb.Mount]:
    match mount:
        case BindMount():
            source, selector = _source(inputs, mount)
            readonly = not mount.writable
            yield llb.Bind(target=mount.target, source=source, selector=selector, readonly=readonly, keep=False)
        case CacheMount():
            yield _cache(inputs, mount)
        case TmpfsMount():
            yield llb.Tmpfs(target=mount.target, size=mount.size)
        case SecretMount(target=str(target)):
            optional = not mount.required
            yield llb.Secret(
                target=target, id=mount.id, uid=mount.uid, gid=mount.gid, mode=mount.mode, optional=optional
            )
        case SecretMount():
            pass  # It is only a variable.
        case SshMount():
            optional = not mount.required
            target = mount.target or ""
            yield llb.Ssh(target=target, id=mount.id, uid=mount.uid, gid=mount.gid, mode=mount.mode, optional=optional)


def _cache(inputs: PlanInputs, mount: CacheMount) -> llb.Cache:
    source, selector = llb.scratch(), ""
    if mount.origin:
        source, selector = _source(inputs, mount)
    elif (mount.mode, mount.uid, mount.gid) != (_EMPTY.mode, _EMPTY.uid, _EMPTY.gid):
        owner, selector = llb.Owner(mount.uid, mount.gid), "/cache"
        start = llb.Mkdir(selector, mode=mount.mode, owner=owner, timestamp_ns=DEFAULT_EPOCH * 1_000_000_000)
        source = llb.edit(source, start, name=f"[internal] new cache {mount.id}")
    return llb.Cache(
        target=mount.target,
        id=cache_id(inputs, f"run-{mount.id}"),
        sharing=mount.sharing,
        source=source,
        selector=selector,
        readonly=mount.readonly,
    )


def _source(inputs: PlanInputs, mount: BindMount | CacheMount) -> tuple[llb.State, str]:
    """Return the tree that is mounted, and which part of it."""
    source = inputs.sources[origin_of_mount(mount)]
    place = source.place(mount.source)
    return source.state, "" if place == "/" else place


def _secret_variables(run: RunStep) -> Iterator[llb.SecretEnv]:
    for mount in run.mounts:
        if isinstance(mount, SecretMount) and mount.env:
            yield llb.SecretEnv(name=mount.env, id=mount.id, optional=not mount.required)
