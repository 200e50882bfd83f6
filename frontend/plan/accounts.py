"""Who can log in: the keys `users` and `groups`."""

from __future__ import annotations

import json
from dataclasses import asdict

import llb
from frontend.config import User
from frontend.options import DEFAULT_EPOCH
from imager import contract

from . import places
from .inputs import PlanInputs
from .steps import SYSTEM, Step, run_imager


def add_users(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with the groups and users of the spec."""
    spec = inputs.spec
    if not spec.users:
        return system
    users = tuple(_user(user) for user in spec.users)
    request = contract.Users(system=SYSTEM, user=users, epoch=DEFAULT_EPOCH)
    step = Step(f"[users] {' '.join(user.name for user in spec.users)}", places.at(spec, "users"), ("users",))
    mount = llb.Bind(target=SYSTEM, source=system, readonly=False)
    return run_imager(inputs, request, step, mounts=(mount,)).mount(SYSTEM)


def _user(user: User) -> str:
    """Return a user in the imager's terms: what the spec leaves out is left out there, too."""
    wanted = {key: value for key, value in asdict(user).items() if value is not None}
    return json.dumps(wanted, sort_keys=True, separators=(",", ":"))
