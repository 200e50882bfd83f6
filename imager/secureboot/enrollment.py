"""The signed updates that a machine in setup mode gets: PK.auth, KEK.auth, db.auth, and dbx.auth if it is there.

They are checked before they are used: what firmware does not take would leave a machine half enrolled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imager.core.errors import ImagerError
from imager.secureboot import certificates, lists, updates
from imager.secureboot.updates import VARIABLES, Update

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OPTIONAL = ("dbx",)


def load(directory: Path) -> Mapping[str, Update]:
    """Return the updates by variable, in the order of `VARIABLES`. Raises ImagerError that names the file."""
    found = {}
    for name in VARIABLES:
        place = directory / f"{name}.auth"
        if name in OPTIONAL and not place.exists():
            continue
        data = certificates.read(place, "secure_boot.enroll")
        try:
            found[name] = _check(name, updates.read(data))
        except ImagerError as error:
            raise ImagerError(f"`secure_boot.enroll`: {place.name}: {error}") from None
    return found


def _check(name: str, update: Update) -> Update:
    entries = lists.read(update.content)
    if not entries:
        raise ImagerError("there is nothing in it: it removes the variable")
    if name == "PK" and (len(entries) != 1 or entries[0].kind != lists.X509):
        raise ImagerError(f"there is one platform key, as a certificate; this has {len(entries)} entries")
    if not update.signature:
        raise ImagerError("it is not signed: OVMF takes it all the same, other firmware does not")
    if not updates.is_for(name, update):
        raise ImagerError(
            f"its signature is not that of a whole {name} by its own certificate: copy {name}.auth as it was made"
        )
    return update
