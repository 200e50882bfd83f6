"""How a build step runs: inside the system, or on the system with our own tools."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import llb
from imager.request import Request, join

from .inputs import PlanInputs

SYSTEM = "/system"
OUT = "/out"
_SHM = "/dev/shm"
_PYTHON = "/usr/bin/python3"
_IMAGER_ENV = (
    ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    ("PYTHONPATH", "/usr/lib/claylinux"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
    ("LC_ALL", "C.UTF-8"),
    ("TZ", "UTC"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """What a step is called in the progress, where it stands in the build file, and how --no-cache names it.

    `outside` is the place, if any, that says how it reaches what is outside of the build (see `frontend.failure`).
    """

    name: str
    location: llb.SourceRange | None = None
    keys: tuple[str, ...] = ()
    outside: llb.SourceRange | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of the system by the imager. `mounts` are what else it reads or writes."""

    request: Request
    step: Step
    mounts: tuple[llb.Mount, ...] = ()


def run_in_system(
    inputs: PlanInputs,
    system: llb.State,
    script: str,
    step: Step,
    *,
    env: tuple[tuple[str, str], ...] = (),
    mounts: tuple[llb.Mount, ...] = (),
    secret_env: tuple[llb.SecretEnv, ...] = (),
    network: str | None = None,
) -> llb.State:
    """Return `system` after `/bin/sh -eu` ran `script` in it, with the options of the build request applied."""
    options = inputs.options
    merged = {**dict(inputs.base.env), **dict(env)}
    if options.shm_size and all(mount.target != _SHM for mount in mounts):
        mounts = (*mounts, llb.Tmpfs(target=_SHM, size=options.shm_size))
    forced = None if options.network in (None, "default", "sandbox") else options.network
    return llb.execute(
        system,
        ("/bin/sh", "-euc", script),
        env=tuple(sorted(merged.items())),
        proxy=_proxy(dict(options.proxies)),
        mounts=mounts,
        secret_env=secret_env,
        network=network or forced or "default",
        extra_hosts=options.add_hosts,
        ulimits=options.ulimits,
        hostname=options.hostname,
        cgroup_parent=options.cgroup_parent,
        platform=inputs.platform,
        name=_label(inputs, step),
        location=tuple(place for place in (step.location, step.outside) if place),
        ignore_cache=options.ignores_cache(*step.keys),
    ).root


def cache_id(inputs: PlanInputs, name: str) -> str:
    """Return the id of a cache mount: one for each architecture, apart from those of others on the engine."""
    parts = (inputs.options.cache_namespace, "claylinux", inputs.platform.architecture, name)
    return "-".join(part for part in parts if part)


def run_imager(
    inputs: PlanInputs,
    *requests: Request,
    step: Step,
    mounts: tuple[llb.Mount, ...],
    parts: tuple[Step, ...] = (),
    always: bool = False,
) -> llb.ExecResult:
    """Run imager commands on the builder's own platform, without network. `mounts` are the trees they work on.

    `parts`: what each of several requests is called where it fails, if not like the step.
    `always`: never take the result from the cache.
    """
    parts = parts or (step,) * len(requests)
    return llb.execute(
        inputs.imager,
        (_PYTHON, "-m", "imager", *join(requests)),
        env=_IMAGER_ENV,
        mounts=mounts,
        network="none",
        readonly_root=True,
        platform=inputs.options.build_platform,
        name=_label(inputs, step),
        location=tuple(dict.fromkeys(part.location for part in parts if part.location)),
        parts=tuple(llb.Part(_label(inputs, part), part.location) for part in parts),
        ignore_cache=always or inputs.options.ignores_cache(*step.keys),
    )


def tree(target: str, state: llb.State, *, readonly: bool = True) -> llb.Bind:
    """Return the mount of a big tree.

    What the tree is made from decides whether a step runs again, not its content: to hash some hundred megabytes takes
    longer than most of what is done with them.
    """
    return llb.Bind(target=target, source=state, readonly=readonly, by_content=False)


def edit_system(
    inputs: PlanInputs, system: llb.State, request: Request, step: Step, *, mounts: tuple[llb.Mount, ...] = ()
) -> llb.State:
    """Return `system`, mounted at `SYSTEM`, after an imager command changed it. `mounts` are what else it reads."""
    return run_imager(inputs, request, step=step, mounts=(tree(SYSTEM, system, readonly=False), *mounts)).mount(SYSTEM)


def edit_together(inputs: PlanInputs, system: llb.State, edits: Sequence[Edit]) -> llb.State:
    """Return `system` after these changes, all in one step: its container takes longer than what they do."""
    return run_together(inputs, system, edits).mount(SYSTEM) if edits else system


def run_together(inputs: PlanInputs, system: llb.State, edits: Sequence[Edit]) -> llb.ExecResult:
    """Return the step of `edit_together`."""
    parts = tuple(edit.step for edit in edits)
    step = Step("; ".join(part.name for part in parts), keys=tuple(key for part in parts for key in part.keys))
    requests = (edit.request for edit in edits)
    mounts = (tree(SYSTEM, system, readonly=False), *(mount for edit in edits for mount in edit.mounts))
    return run_imager(inputs, *requests, step=step, mounts=mounts, parts=parts)


def run_on_trees(
    inputs: PlanInputs,
    *requests: Request,
    step: Step,
    trees: dict[str, llb.State],
    mounts: tuple[llb.Mount, ...] = (),
    scratch: str = "",
) -> llb.State:
    """Run imager commands on read-only `trees` (mount point -> state) and return what they wrote to `OUT`.

    `mounts`: what else they read. `scratch`: a folder for what one command leaves for the next, and nobody else.
    """
    found: list[llb.Mount] = [*(tree(target, state) for target, state in sorted(trees.items())), *mounts]
    if scratch:
        found.append(llb.Tmpfs(target=scratch))
    found.append(llb.Bind(target=OUT, source=llb.scratch(), readonly=False))
    return run_imager(inputs, *requests, step=step, mounts=tuple(found)).mount(OUT)


def together(inputs: PlanInputs, states: Sequence[llb.State]) -> llb.State:
    """Return one state with the files of all."""
    if len(states) == 1:
        return states[0]
    if "mergeop" in inputs.caps:
        return llb.merge(states, name="[outputs] merge")
    copies = [llb.Copy(source=state, src="/", dest="/", dir_contents=True) for state in states]
    return llb.edit(llb.scratch(), *copies, name="[outputs] merge")


def edit_files(inputs: PlanInputs, system: llb.State, actions: tuple[llb.Action, ...], step: Step) -> llb.State:
    """Return `system` after these file operations."""
    return llb.edit(
        system,
        *actions,
        name=_label(inputs, step),
        location=step.location,
        ignore_cache=inputs.options.ignores_cache(*step.keys),
    )


def _label(inputs: PlanInputs, step: Step) -> str:
    """Return the vertex name; with several platforms it says which one."""
    if not inputs.options.multi_platform:
        return step.name
    return f"{step.name} ({inputs.platform})"


def _proxy(variables: dict[str, str]) -> llb.Proxy | None:
    """Return the client's proxies; they reach the step, but are no part of its cache key."""
    if not variables:
        return None
    return llb.Proxy(
        http=variables.get("HTTP_PROXY", ""),
        https=variables.get("HTTPS_PROXY", ""),
        ftp=variables.get("FTP_PROXY", ""),
        no=variables.get("NO_PROXY", ""),
        all=variables.get("ALL_PROXY", ""),
    )
