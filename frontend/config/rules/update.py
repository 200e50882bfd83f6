"""Rules of the key `update`. Pure; each reports what it finds."""

from __future__ import annotations

import re

from frontend.config.syntax.diagnostics import Collector
from spec.document import Spec
from spec.values.wording import code, quote

_LEAST_SPACE, _MOST_SPACE = 64 << 20, 64 << 30


def validate_update(spec: Spec, problems: Collector) -> None:
    """Report every contradiction between what updates need and what else the file says."""
    if spec.update is None:
        return
    _identity(spec, problems)
    _keys(spec, problems)
    _secure_boot(spec, problems)


def _identity(spec: Spec, problems: Collector) -> None:
    """A machine compares versions, and files are named after both, on a FAT and by what systemd-boot counts with."""
    for name, example in (("name", "web"), ("version", "1.4.0")):
        if not spec.positions.has(name) and not problems.any_in(spec.positions.of(name)):
            text = f"`update` needs a `{name}`, by which machines know their next version: write `{name}: {example}`"
            problems.add(spec.positions.key("update"), text)
    version = spec.version or ""
    place = spec.positions.of("version")
    if found := re.search(r"[_+]", version):
        meant = re.sub(r"[_+]", "-", version.lower())
        text = f"with `update`, `version` must not contain {code(found[0])}, which ends it in the name of a file"
        problems.add(place, f"{text}: write {code(meant)}")
    elif version != version.lower():
        text = f"with `update`, `version` must be in lower case, as names on a FAT have no case; got {quote(version)}"
        problems.add(place, f"{text}: write {code(version.lower())}")


def _keys(spec: Spec, problems: Collector) -> None:
    assert spec.update is not None
    written = spec.positions.has("update", "key") or spec.positions.has("secure_boot")
    if not written:
        text = (
            "machines install only what is signed: write `update: {key: {secret: update.key, public: keys/update.pub}}`"
            ", or `secure_boot` with a `key`"
        )
        problems.add(spec.positions.key("update"), text)
    if spec.update.space is not None and not _LEAST_SPACE <= spec.update.space <= _MOST_SPACE:
        place = spec.positions.of("update", "space")
        problems.add(place, "`space` must be from 64M to 64G: it has two versions and one that is fetched")


def _secure_boot(spec: Spec, problems: Collector) -> None:
    signing = spec.secure_boot
    if not signing or signing.private_key or problems.any_in(spec.positions.of("secure_boot")):
        return
    if signing.signature:
        text = (
            "with `update`, the boot loader has to be signed as well, and `signature` is that of the system alone: "
            "write `key: {secret: ID}` instead"
        )
        problems.add(spec.positions.of("secure_boot", "signature"), text)
    else:
        text = "with `update`, `secure_boot` needs a `key`, as the boot loader has to be signed as well"
        problems.add(spec.positions.key("secure_boot"), f"{text}: write `key: {{secret: db.key}}`")
