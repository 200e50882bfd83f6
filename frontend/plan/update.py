"""The key `update` in the system: the programs that fetch the next version, and the keys that they trust."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import llb
from frontend.config.syntax.diagnostics import Diagnostic
from frontend.options import DEFAULT_EPOCH
from frontend.targets import IMAGE, REPORT, SBOM_FORMS, TBS, UPDATE
from imager.requests.update import TRUSTED, Keys, Update

from . import places
from .key_mounts import given, private
from .origins import MAIN
from .steps import OUT, SYSTEM, Edit, Step, run_imager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spec.document import Spec

    from .inputs import PlanInputs

_PLACE = "/update"
KEY = f"{_PLACE}/key"
"""Where a step finds the private key."""
TRUSTED_AT = f"{_PLACE}/trusted"
"""Where a step finds the public keys that machines trust."""
_CA = f"{_PLACE}/ca.pem"
_MODULES = ("efivarfs", "nls_ascii", "nls_cp437", "nls_iso8859_1", "nls_utf8", "vfat")
"""What the programs in the machine need to see how it booted, and to write a new version."""
_WATCHDOGS = ("iTCO_wdt", "i6300esb", "sbsa_gwdt", "softdog", "sp5100_tco")
"""See imager/guest/watchdog."""
_WORDS = ("panic=30", "claylinux.on_failure=reboot")
"""A version that cannot start must end, so that the machine starts another one."""


def modules(spec: Spec) -> tuple[str, ...]:
    """Return the kernel modules that updates need."""
    return (*_MODULES, *_WATCHDOGS) if spec.update else ()


def command_line(spec: Spec, line: str) -> str:
    """Return the kernel command line with what lets a bad version end; a word that is there stays as it is."""
    if not spec.update:
        return line
    named = {word.partition("=")[0] for word in line.split()}
    added = [word for word in _WORDS if word.partition("=")[0] not in named]
    return " ".join([*added, line]).rstrip()


def check_target(spec: Spec, target: str) -> None:
    """Raise `UserError` for the pieces of a system that does not update itself."""
    if target == UPDATE and spec.update is None:
        text = (
            "`--target update` needs the key `update`: "
            "write `update: {key: {secret: update.key, public: keys/update.pub}}`"
        )
        raise places.user_error(spec, [Diagnostic(spec.positions.of("base"), text)])


def is_signed_in(target: str) -> bool:
    """Return whether a build of this target signs an index."""
    return target not in (IMAGE, REPORT, TBS, *SBOM_FORMS)


def plan_keys(inputs: PlanInputs) -> llb.State:
    """Return a state with the public keys that machines trust, at `TRUSTED`, after a look at all keys.

    As with `secure_boot.plan_check`, whoever builds it first learns early what is missing, and a secret makes it run
    always.
    """
    wanted, signing = inputs.spec.update, inputs.spec.secure_boot
    assert wanted is not None
    main = inputs.sources[MAIN].state if MAIN in inputs.sources else llb.scratch()
    files = [] if wanted.signing_key is None else [wanted.signing_key.public]
    files += wanted.trust
    mounts: list[llb.Mount] = [
        llb.Bind(target=f"{_PLACE}/public/{number}", source=main, selector=f"/{path}")
        for number, path in enumerate(files, 1)
    ]
    if wanted.signing_key is None:
        assert signing is not None
        mounts.insert(0, given(inputs, signing.certificate, f"{_PLACE}/public/0"))
    public = tuple(mount.target for mount in mounts)
    secret = private_key(inputs) if is_signed_in(inputs.options.target) else ()
    request = Keys(public=public, key=KEY if secret else "", output=OUT, epoch=DEFAULT_EPOCH)
    out = llb.Bind(target=OUT, source=llb.scratch(), readonly=False)
    step = Step("[update] check the keys", places.location_of(inputs.spec, "update"), ("update",))
    return run_imager(inputs, request, step=step, mounts=(out, *mounts, *secret), always=bool(secret)).mount(OUT)


def private_key(inputs: PlanInputs) -> tuple[llb.Mount, ...]:
    """Return the mount of the key that signs updates."""
    wanted, signing = inputs.spec.update, inputs.spec.secure_boot
    own = wanted.signing_key if wanted else None
    return private(own or (signing.private_key if signing else None), KEY)


def trusted(inputs: PlanInputs) -> llb.Bind:
    """Return the mount of the public keys that machines trust. By content: the step that made them may always run."""
    return llb.Bind(target=TRUSTED_AT, source=plan_keys(inputs), selector=TRUSTED, by_content=True)


def update(inputs: PlanInputs) -> Iterator[Edit]:
    """Yield the change that adds what updates the system."""
    spec = inputs.spec
    if spec.update is None:
        return
    mounts = [trusted(inputs)]
    if spec.update.ca:
        mounts.append(llb.Bind(target=_CA, source=inputs.sources[MAIN].state, selector=f"/{spec.update.ca}"))
    request = Update(
        system=SYSTEM,
        # Without what says something of the build alone.
        update=replace(spec.update, signing_key=None, trust=(), ca=None),
        name=spec.name,
        architecture=inputs.platform.architecture,
        trusted=TRUSTED_AT,
        ca=_CA if spec.update.ca else "",
        epoch=DEFAULT_EPOCH,
    )
    title = f"[update] {spec.name} from {spec.update.source or 'where somebody says'}"
    yield Edit(request, Step(title, places.location_of(spec, "update"), ("update",)), tuple(mounts))
