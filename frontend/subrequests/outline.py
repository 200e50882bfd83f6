"""What a build needs from the client: arguments, secrets, SSH agents; and the caches that it keeps.

The document has BuildKit's format (frontend/subrequests/outline). The text is what buildx prints for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from frontend.plan.enrollment import is_all
from frontend.plan.secure_boot import needed_for
from frontend.plan.update import is_signed_in
from spec.accounts import HashSecret
from spec.document import Spec
from spec.positions import Range
from spec.secure_boot import CertificateSecret
from spec.values.run_mounts import CacheMount, RunMount, SecretMount, SshMount


class _Need(NamedTuple):
    """Something that the build needs, whether it fails without it, and the place that says so."""

    name: str
    required: bool
    range: Range


def document(spec: Spec, target: str, missing: Mapping[str, str], locate: Callable[[Range], object]) -> dict[str, Any]:
    """Return the answer without its sources. `missing` has the messages about arguments that need a value."""
    spec, alone = needed_for(spec, target), is_all(spec, target)
    # What makes machines trust the system takes public files, and no system.
    secrets, agents, caches = (
        ((), (), ()) if alone else ((*_secrets(spec), *_update_key(spec, target)), _agents(spec), _caches(spec))
    )
    args = [
        {
            "name": name,
            "value": spec.arguments.get(name, ""),
            **({"description": f"required: {missing[name]}"} if name in missing else {}),
            "location": locate(spec.positions.key("args", name)),
        }
        for name in spec.args
    ]
    return {
        "name": spec.name,
        "description": f"builds {', '.join(output.filename for output in spec.outputs)}",
        "args": args,
        "secrets": [_needed(each, locate) for each in _merged(secrets)],
        "ssh": [_needed(each, locate) for each in _merged(agents)],
        "cache": [{"ID": each.name, "location": locate(each.range)} for each in _merged(caches)],
    }


def text(outline: Mapping[str, Any]) -> str:
    """Return the document as tables."""
    return "\n".join(
        (
            _table([["TARGET:", outline["name"]], ["DESCRIPTION:", outline["description"]]], gap=1),
            *_section(("BUILD ARG", "VALUE", "DESCRIPTION"), outline["args"], ("name", "value", "description")),
            *_section(("SECRET", "REQUIRED"), outline["secrets"], ("name", "required")),
            *_section(("SSH", "REQUIRED"), outline["ssh"], ("name", "required")),
            *_section(("CACHE ID",), outline["cache"], ("ID",)),
        )
    )


def _mounts(spec: Spec) -> Iterator[tuple[RunMount, Range]]:
    for index, run in enumerate(spec.run):
        for number, mount in enumerate(run.mounts):
            yield mount, spec.positions.of("run", index, "mounts", number)


def _secrets(spec: Spec) -> Iterator[_Need]:
    for mount, place in _mounts(spec):
        if isinstance(mount, SecretMount):
            yield _Need(mount.id, mount.required, place)
    for index, user in enumerate(spec.users):
        if isinstance(user.password, HashSecret):
            yield _Need(user.password.secret, True, spec.positions.of("users", index, "password"))
    if spec.package_manager.credentials:
        yield _Need(spec.package_manager.credentials.secret, True, spec.positions.of("package_manager", "credentials"))
    if spec.secure_boot:
        if isinstance(spec.secure_boot.certificate, CertificateSecret):
            place = spec.positions.of("secure_boot", "certificate")
            yield _Need(spec.secure_boot.certificate.secret, True, place)
        if spec.secure_boot.private_key:
            yield _Need(spec.secure_boot.private_key.secret, True, spec.positions.of("secure_boot", "key"))
        if spec.secure_boot.pcr_key:
            yield _Need(spec.secure_boot.pcr_key.secret, True, spec.positions.of("secure_boot", "pcr_key"))


def _update_key(spec: Spec, target: str) -> Iterator[_Need]:
    if spec.update and spec.update.signing_key and is_signed_in(target):
        yield _Need(spec.update.signing_key.secret, True, spec.positions.of("update", "key"))


def _agents(spec: Spec) -> Iterator[_Need]:
    for mount, place in _mounts(spec):
        if isinstance(mount, SshMount):
            yield _Need(mount.id, mount.required, place)


def _caches(spec: Spec) -> Iterator[_Need]:
    for mount, place in _mounts(spec):
        if isinstance(mount, CacheMount):
            yield _Need(mount.id, False, place)


def _merged(needs: Iterable[_Need]) -> tuple[_Need, ...]:
    """List each name once, at its first place. It is required if any of its places requires it."""
    found: dict[str, _Need] = {}
    for each in needs:
        first = found.get(each.name, each)
        found[each.name] = first._replace(required=first.required or each.required)
    return tuple(found.values())


def _needed(need: _Need, locate: Callable[[Range], object]) -> dict[str, object]:
    return {"name": need.name, **({"required": True} if need.required else {}), "location": locate(need.range)}


def _section(head: tuple[str, ...], items: list[Mapping[str, Any]], keys: tuple[str, ...]) -> list[str]:
    """Return a list with one table, or an empty list if there are no items."""
    if not items:
        return []
    rows = [["true" if item.get(key) is True else item.get(key, "") for key in keys] for item in items]
    return [_table([[*head], *rows], gap=3)]


def _table(rows: list[list[str]], gap: int) -> str:
    """Return lines with aligned columns."""
    widths = [max(len(cell) for cell in column) + gap for column in zip(*rows, strict=True)]
    lines = ("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)
