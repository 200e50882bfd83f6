"""How a step gets certificates, signatures and private keys, wherever they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import llb
from frontend.options import DEFAULT_EPOCH
from spec.secure_boot import (
    Certificate,
    CertificateFile,
    CertificateSecret,
    CertificateText,
    Signature,
    SignatureFile,
    SignatureText,
)

from .origins import MAIN

if TYPE_CHECKING:
    from spec.secure_boot import PrivateKey
    from spec.update import UpdateKey

    from .inputs import PlanInputs


def given(inputs: PlanInputs, value: Certificate | Signature, target: str) -> llb.Mount:
    """Return the mount of a certificate or signature, wherever it is."""
    match value:
        case CertificateText(content=content) | SignatureText(content=content):
            file = llb.Mkfile("/file", content.encode(), timestamp_ns=DEFAULT_EPOCH * 1_000_000_000)
            source = llb.edit(llb.scratch(), file, name="[internal] a text of `secure_boot`")
            return llb.Bind(target=target, source=source, selector="/file")
        case CertificateFile(source=path) | SignatureFile(source=path):
            return llb.Bind(target=target, source=inputs.sources[MAIN].state, selector=f"/{path}")
        case CertificateSecret(secret=name):
            return llb.Secret(target=target, id=name)


def private(key: PrivateKey | UpdateKey | None, target: str) -> tuple[llb.Mount, ...]:
    """Return the mount of a private key, if there is one."""
    return (llb.Secret(target=target, id=key.secret),) if key else ()
