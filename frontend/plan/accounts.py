"""Who can log in: the keys `users` and `groups`."""

from __future__ import annotations

import llb
from frontend.options import DEFAULT_EPOCH
from imager import contract
from spec.accounts import HashSecret, HashText, KeyFile, KeyText, User
from spec.document import Spec

from . import places
from .inputs import PlanInputs
from .origins import origin_of_key
from .steps import OUT, SYSTEM, Step, compact_json, run_imager, tree

_SECRETS = "/secrets"
_HASHES = "/hashes"
_KEYS = "/keys"


def add_users(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system` with the groups and users of the spec."""
    spec = inputs.spec
    if not spec.users and not spec.groups:
        return system
    files = _key_files(spec)
    request = contract.Users(
        system=SYSTEM,
        group=tuple(compact_json({"name": each.name, "gid": each.gid, "system": each.system}) for each in spec.groups),
        user=tuple(_user(user, files) for user in spec.users),
        epoch=DEFAULT_EPOCH,
    )
    mounts: list[llb.Mount] = [tree(SYSTEM, system, readonly=False), *_key_mounts(inputs, files)]
    hashes = _hashes(inputs)
    if hashes is not None:
        mounts.append(llb.Bind(target=_HASHES, source=hashes))
    names = (*(group.name for group in spec.groups), *(user.name for user in spec.users))
    place = places.location_of(spec, "users" if spec.users else "groups")
    step = Step(f"[users] {' '.join(dict.fromkeys(names))}", place, ("users",))
    return run_imager(inputs, request, step=step, mounts=tuple(mounts)).mount(SYSTEM)


def _user(user: User, files: dict[KeyFile, str]) -> str:
    """Return a user in the imager's terms: what the spec leaves out is left out there, too."""
    wanted: dict[str, object] = {
        "name": user.name,
        "uid": user.uid,
        "group": user.group,
        "groups": list(user.groups),
        "shell": user.shell,
        "home": user.home,
        "comment": user.comment,
        "system": user.system,
        "lock": user.lock,
        "ssh_authorized_keys": [each.line for each in user.ssh_authorized_keys if isinstance(each, KeyText)],
        "ssh_key_files": [
            [_shown(each), files[each]] for each in user.ssh_authorized_keys if isinstance(each, KeyFile)
        ],
    }
    match user.password:
        case HashText(hash=text):
            wanted["password"] = text
        case HashSecret(secret=name):
            wanted["password_file"] = f"{_HASHES}/{name}"
        case None:
            pass  # a new user gets none, an old one keeps its own
    return compact_json(wanted)


def _shown(file: KeyFile) -> str:
    """Return what a message calls a file."""
    return f"{file.source} of context {file.context}" if file.context else file.source


def _key_files(spec: Spec) -> dict[KeyFile, str]:
    """Return where in the step each file with keys is."""
    files = (each for user in spec.users for each in user.ssh_authorized_keys if isinstance(each, KeyFile))
    return {each: f"{_KEYS}/{index}" for index, each in enumerate(dict.fromkeys(files))}


def _key_mounts(inputs: PlanInputs, files: dict[KeyFile, str]) -> list[llb.Mount]:
    return [
        llb.Bind(
            target=target,
            source=inputs.sources[origin_of_key(each)].state,
            selector=f"/{each.source}",
        )
        for each, target in files.items()
    ]


def _hashes(inputs: PlanInputs) -> llb.State | None:
    """Return the hashes that are in secrets. This step always runs: what depends on it only when one has changed."""
    spec = inputs.spec
    users = [(index, user) for index, user in enumerate(spec.users) if isinstance(user.password, HashSecret)]
    names = tuple(sorted({user.password.secret for _, user in users if isinstance(user.password, HashSecret)}))
    if not names:
        return None
    request = contract.Hashes(source=_SECRETS, name=names, output=OUT, epoch=DEFAULT_EPOCH)
    place = places.location_of(spec, "users", users[0][0], "password")
    step = Step(f"[users] secret {' '.join(names)}", place, ("users",))
    out = llb.Bind(target=OUT, source=llb.scratch(), readonly=False)
    secrets = tuple(llb.Secret(target=f"{_SECRETS}/{name}", id=name) for name in names)
    return run_imager(inputs, request, step=step, mounts=(out, *secrets), always=True).mount(OUT)
