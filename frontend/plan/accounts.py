"""Who can log in: the keys `users` and `groups`."""

from __future__ import annotations

import llb
from frontend.options import DEFAULT_EPOCH
from imager.requests.accounts import Hashes, Users
from spec.accounts import HashSecret, key_files

from . import places
from .inputs import PlanInputs
from .origins import origin_of_key
from .steps import OUT, SYSTEM, Step, edit_system, run_imager

_SECRETS = "/secrets"


def add_users(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with the groups and users of the spec."""
    spec = inputs.spec
    if not spec.users and not spec.groups:
        return system
    request = Users(system=SYSTEM, group=spec.groups, user=spec.users, epoch=DEFAULT_EPOCH)
    mounts = _key_mounts(inputs, request.keys)
    hashes = _hashes(inputs)
    if hashes is not None:
        mounts.append(llb.Bind(target=request.hashes, source=hashes))
    names = (*(group.name for group in spec.groups), *(user.name for user in spec.users))
    place = places.location_of(spec, "users" if spec.users else "groups")
    step = Step(f"[users] {' '.join(dict.fromkeys(names))}", place, ("users",))
    return edit_system(inputs, system, request, step, mounts=tuple(mounts))


def _key_mounts(inputs: PlanInputs, directory: str) -> list[llb.Mount]:
    """Return a mount for every file with public keys, below `directory`."""
    return [
        llb.Bind(
            target=f"{directory}/{number}",
            source=inputs.sources[origin_of_key(file)].state,
            selector=inputs.sources[origin_of_key(file)].place(file.source),
        )
        for number, file in enumerate(key_files(inputs.spec.users))
    ]


def _hashes(inputs: PlanInputs) -> llb.State | None:
    """Return the hashes that are in secrets.

    This step always runs. The steps that depend on it run only when a hash has changed.
    """
    spec = inputs.spec
    secrets = {
        user.password.secret: index
        for index, user in reversed([*enumerate(spec.users)])
        if isinstance(user.password, HashSecret)
    }
    if not secrets:
        return None
    names = tuple(sorted(secrets))
    request = Hashes(source=_SECRETS, name=names, output=OUT, epoch=DEFAULT_EPOCH)
    place = places.location_of(spec, "users", min(secrets.values()), "password")
    step = Step(f"[users] secret {' '.join(names)}", place, ("users",))
    out = llb.Bind(target=OUT, source=llb.scratch(), readonly=False)
    mounts = tuple(llb.Secret(target=f"{_SECRETS}/{name}", id=name) for name in names)
    return run_imager(inputs, request, step=step, mounts=(out, *mounts), always=True).mount(OUT)
