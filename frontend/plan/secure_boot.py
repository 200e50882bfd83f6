"""The key `secure_boot`: what is signed of the one UKI, between its layout and the outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import llb
from frontend.config.syntax.diagnostics import Diagnostic
from frontend.options import DEFAULT_EPOCH
from frontend.targets import IMAGE, REPORT, SBOM_FORMS, TBS
from imager.requests.secureboot import CERTIFICATE, Check, Pcrs, Policy, Sign, ToSign
from spec.secure_boot import CertificateSecret, SecureBoot

from . import places
from .enrollment import is_all
from .key_mounts import given, private
from .steps import OUT, Step, run_imager, tree

if TYPE_CHECKING:
    from spec.document import Spec

    from .inputs import PlanInputs
    from .outputs import Uki

_CERTIFICATE, _KEY, _SIGNATURE = "/secure-boot/certificate", "/secure-boot/key", "/secure-boot/signature"
_PCR_KEY = "/secure-boot/pcr-key"


def for_target(spec: Spec, target: str) -> Spec:
    """Return `spec` without what this target does not need to sign. Raises `UserError` if it lacks anything.

    Never is a system silently unsigned that was to be signed.
    """
    signing, needed = spec.secure_boot, needed_for(spec, target)
    if is_all(spec, target):
        if signing is None or signing.enroll is None:
            text = f"`--target {target}` needs keys: write `secure_boot: {{enroll: keys}}`"
            raise places.user_error(spec, [Diagnostic(spec.positions.of("secure_boot"), text)])
    elif target == TBS:
        if signing is None:
            text = "`--target tbs` needs the certificate of the key: write `secure_boot: {certificate: ...}`"
            raise places.user_error(spec, [Diagnostic(spec.positions.of("base"), text)])
    elif signing and needed.secure_boot and not (signing.private_key or signing.signature or target == REPORT):
        text = "`secure_boot` has no `key` and no `signature`: add one, or get what to sign with `--target tbs`"
        raise places.user_error(spec, [Diagnostic(spec.positions.of("secure_boot"), text)])
    return needed


def needed_for(spec: Spec, target: str) -> Spec:
    """Return `spec` without what this target does not need to sign."""
    if target == IMAGE or target in SBOM_FORMS:  # no UKI is made
        return replace(spec, secure_boot=_certificate_for_updates(spec))
    if spec.secure_boot and (target == TBS or is_all(spec, target)):
        return replace(spec, secure_boot=replace(spec.secure_boot, private_key=None, signature=None))
    return spec


def _certificate_for_updates(spec: Spec) -> SecureBoot | None:
    """Return what a system needs of the key if no UKI is made: machines verify updates by the certificate."""
    if spec.secure_boot is None or spec.update is None or spec.update.signing_key:
        return None
    return SecureBoot(certificate=spec.secure_boot.certificate)


def plan_check(inputs: PlanInputs) -> llb.State:
    """Return a state with what a `Check` wrote, after a look at certificate and keys.

    Whoever builds it first learns in a second what is missing, not after the packages are installed. With a secret this
    step always runs, as secrets are no part of a cache key. The steps that depend on it run again if the certificate is
    another one: so a new certificate gives a new signature. An old signature is valid for a key that comes back.
    """
    signing = inputs.spec.secure_boot
    assert signing is not None
    key, pcr_key = signing.private_key, signing.pcr_key
    request = Check(
        certificate=_CERTIFICATE,
        key=_KEY if key else "",
        pcr_key=_PCR_KEY if pcr_key else "",
        output=OUT,
        epoch=DEFAULT_EPOCH,
    )
    mounts = [given(inputs, signing.certificate, _CERTIFICATE), *private(key, _KEY), *private(pcr_key, _PCR_KEY)]
    place = places.location_of(inputs.spec, "secure_boot", "key" if key else "certificate")
    what = "keys" if key and pcr_key else "key" if key or pcr_key else ""
    step = Step(f"[secure boot] check {f'{what} and ' if what else ''}certificate", place, ("secure_boot",))
    always = bool(what) or isinstance(signing.certificate, CertificateSecret)
    return run_imager(inputs, request, step=step, mounts=(_out(), *mounts), always=always).mount(OUT)


def sign_measurements(inputs: PlanInputs, uki: Uki) -> Uki:
    """Return the UKI with signatures of its measurements; as it is where the spec has no key for them."""
    signing = inputs.spec.secure_boot
    assert signing is not None
    if not signing.pcr_key:
        return uki
    request = Policy(uki=uki.place, key=_PCR_KEY, output=OUT + uki.FILE, epoch=inputs.options.epoch)
    place = places.location_of(inputs.spec, "secure_boot", "pcr_key")
    step = Step("[secure boot] sign the measurements", place, ("secure_boot",))
    mounts = (*to_read(uki), *private(signing.pcr_key, _PCR_KEY), _out())
    result = run_imager(inputs, request, step=step, mounts=mounts).mount(OUT)
    return replace(uki, changed=(*uki.changed, ("/policy", result)))


def plan_pcrs(inputs: PlanInputs, uki: Uki) -> llb.State:
    """Return a state with a file that says what a TPM will measure of a UKI, which is not signed yet."""
    spec = inputs.spec
    request = Pcrs(uki=uki.place, name=spec.name, output=f"{OUT}/{spec.name}.pcrs.json", epoch=inputs.options.epoch)
    step = Step("[secure boot] predict the measurements", places.location_of(spec, "secure_boot"), ("secure_boot",))
    return run_imager(inputs, request, step=step, mounts=(*to_read(uki), _out())).mount(OUT)


def sign(inputs: PlanInputs, uki: Uki, certificate: llb.State) -> Uki:
    """Return the UKI signed, by the key or by what was made elsewhere; as it is where the spec has neither."""
    signing = inputs.spec.secure_boot
    assert signing is not None
    key, signature = signing.private_key, signing.signature
    if not key and not signature:
        return uki
    request = Sign(
        uki=uki.place,
        certificate=_CERTIFICATE,
        key=_KEY if key else "",
        signature=_SIGNATURE if signature else "",
        output=OUT + uki.FILE,
        epoch=inputs.options.epoch,
    )
    mounts = [*to_read(uki), _certificate(certificate), *private(key, _KEY), _out()]
    if signature:
        mounts.append(given(inputs, signature, _SIGNATURE))
    place = places.location_of(inputs.spec, "secure_boot", "key" if key else "signature")
    step = Step(f"[secure boot] {'sign' if key else 'attach the signature'}", place, ("secure_boot",))
    result = run_imager(inputs, request, step=step, mounts=tuple(mounts)).mount(OUT)
    return replace(uki, changed=(*uki.changed, ("/signed", result)))


def sign_program(inputs: PlanInputs, program: str, output: str, certificate: llb.State) -> llb.State:
    """Return a state with a program of our image, signed by the key, as a layout at `output`."""
    assert inputs.spec.secure_boot is not None
    key = inputs.spec.secure_boot.private_key
    request = Sign(uki=program, certificate=_CERTIFICATE, key=_KEY, output=OUT + output, epoch=DEFAULT_EPOCH)
    step = Step(
        "[secure boot] sign the boot manager", places.location_of(inputs.spec, "secure_boot", "key"), ("secure_boot",)
    )
    mounts = (_certificate(certificate), *private(key, _KEY), _out())
    return run_imager(inputs, request, step=step, mounts=mounts).mount(OUT)


def plan_tbs(inputs: PlanInputs, uki: Uki, certificate: llb.State) -> llb.State:
    """Return a state with the bytes that a key elsewhere has to sign, and what they mean."""
    spec = inputs.spec
    request = ToSign(
        uki=uki.place,
        certificate=_CERTIFICATE,
        name=spec.name,
        output=f"{OUT}/{spec.name}.tbs",
        epoch=inputs.options.epoch,
    )
    step = Step("[secure boot] the bytes to sign", places.location_of(spec, "secure_boot"), ("secure_boot",))
    mounts = (*to_read(uki), _certificate(certificate), _out())
    return run_imager(inputs, request, step=step, mounts=mounts).mount(OUT)


def to_read(uki: Uki) -> tuple[llb.Mount, ...]:
    """Return the mounts of a step that reads the whole program.

    The layouts are a part of its cache key by content: the last one has the digest of all that is signed.
    """
    layouts = (llb.Bind(target=target, source=state, by_content=True) for target, state in uki.mounts.items())
    segments = (tree(target, state) for target, state in sorted(uki.segments.items()))
    return (*layouts, *segments)


def _certificate(checked: llb.State) -> llb.Mount:
    return llb.Bind(target=_CERTIFICATE, source=checked, selector=CERTIFICATE)


def _out() -> llb.Mount:
    return llb.Bind(target=OUT, source=llb.scratch(), readonly=False)
