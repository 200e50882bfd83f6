"""The list of what is in a system, from its package databases, its own files, and what the planner knows.

The same system and build file give the same bytes: nothing is read from a clock, and what is unique in a document, such
as its address, is computed from the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import output
from imager.core.errors import ImagerError
from imager.rootfs import osrelease
from imager.rootfs.owners import package_by_path
from imager.rootfs.root import Root
from imager.sbom import boot, cyclonedx, packages, sources, spdx
from imager.sbom.component import Component, Inventory, distinct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imager.requests.sbom import Sbom

FORMS = {"spdx": spdx.render, "cyclonedx": cyclonedx.render}
_LIMITS = (
    "It lists the packages of dpkg and apk, what boots the system, and what the build file takes from elsewhere. "
    "What the base image or a step of `run` installed without a package manager is not in it."
)
_RPM = " This system has a database of rpm, whose packages are not in it either."


def run(request: Sbom) -> None:
    """Write the document."""
    root = Root(Path(request.system))
    if not root.path.is_dir():
        raise ImagerError(f"the system {request.system} is not a directory")
    text = FORMS[request.form](take(root, request))
    with output.writing(request.output, request.epoch) as fd:
        output.write_all(fd, text.encode())


def take(root: Root, request: Sbom) -> Inventory:
    """Return all that is known about a system."""
    os_release = osrelease.fields(osrelease.read(root))
    installed = packages.installed(root, os_release)
    keys = {each.name: each.key for each in reversed(installed)}
    owners = {path: keys[package] for path, package in package_by_path(root).items() if package in keys}
    installed, firmware = boot.with_firmware(root, installed, owners)
    entries = {
        place: (entry, found, image)
        for (place, entry), found, image in zip(request.file.items(), request.tree, request.origin, strict=True)
    }
    parts = distinct(
        (
            *boot.added(request.stub, request.init, request.generator),
            *boot.parts(root, os_release, owners),
            *firmware,
            *sources.files(entries),
        ),
        taken=(each.key for each in installed),
    )
    return Inventory(
        name=request.name,
        version=request.version,
        epoch=request.epoch,
        generator=("claylinux", request.generator),
        operating_system=_operating_system(os_release),
        packages=installed,
        parts=parts,
        base=sources.base(request.base),
        note=_LIMITS + (_RPM if packages.has_unread_database(root) else ""),
    )


def _operating_system(os_release: Mapping[str, str]) -> Component | None:
    """Return the distribution. Scanners look for its advisories by the ID and the VERSION_ID of os-release."""
    name = os_release.get("ID", "")
    if not name:
        return None
    return Component(
        key="OperatingSystem",
        kind="operating-system",
        name=name,
        version=os_release.get("VERSION_ID", ""),
        supplier=os_release.get("NAME", ""),
        homepage=packages.url(os_release.get("HOME_URL", "")),
    )
