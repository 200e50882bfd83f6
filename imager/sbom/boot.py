"""What boots a system: kernels, microcode, firmware, and the stub and init that Claylinux adds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from imager.core import output
from imager.kernel import firmware, kernels, microcode
from imager.sbom import digests
from imager.sbom.component import Component, License, key, purl
from imager.sbom.packages import distro_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imager.rootfs.root import Root

_STUB_VERSION = re.compile(rb"LoaderInfo: systemd-stub ([!-~]{1,64}) ")
_ALPINE_KERNEL = re.compile(r"([0-9][0-9.]*)-([0-9]+)-(lts|stable|virt)")
_ALPINE_SOURCES = {"virt": "lts"}
"""The flavor whose package is built together with that of another."""


def parts(root: Root, os_release: Mapping[str, str], owners: Mapping[str, str]) -> Iterator[Component]:
    """Yield the kernels and the microcode of a system. `owners` has the key of a package for each of its files."""
    for kernel in kernels.find(root):
        real = root.real(kernel.path) or kernel.path
        owner = owners.get(real, "")
        yield Component(
            key=key("kernel", kernel.version),
            kind="program",
            name="linux",
            version=kernel.version,
            purl="" if owner else _kernel_purl(kernel.version, kernel.machine or "", os_release),
            sha256=digests.of_file(root, kernel.path, kernels.LIMIT),
            note=f"The kernel /{kernel.path}.",
            owner=owner,
        )
    for path in microcode.images(root):
        yield Component(
            key=key("microcode", path.rpartition("/")[2]),
            kind="firmware",
            name=path.rpartition("/")[2],
            sha256=digests.of_file(root, path, microcode.LIMIT),
            note=f"Microcode for processors, /{path}.",
            owner=owners.get(root.real(path) or path, ""),
        )


def _kernel_purl(version: str, machine: str, os_release: Mapping[str, str]) -> str:
    """Return the package URL of a kernel that no package database lists.

    On Alpine, the build unpacks the package of the kernel without apk. The version of a kernel there is made of the
    version, release and flavor of its package (https://gitlab.alpinelinux.org, aports, main/linux-lts/APKBUILD).
    """
    alpine = _ALPINE_KERNEL.fullmatch(version)
    if alpine and os_release.get("ID") == "alpine":
        number, release, flavor = alpine.groups()
        source = f"linux-{_ALPINE_SOURCES.get(flavor, flavor)}"
        architecture = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, "")
        own = f"linux-{flavor}"
        return purl(
            "apk",
            "alpine",
            own,
            f"{number}-r{release}",
            arch=architecture,
            distro=distro_of(os_release),
            upstream=source if source != own else "",
        )
    return purl("generic", "", "linux", version)


def added(stub: str, init: str, version: str) -> Iterator[Component]:
    """Yield the files of Claylinux's own image that boot a system; an empty path means that there is none."""
    if stub:
        found = _STUB_VERSION.search(Path(stub).read_bytes())
        release = found[1].decode() if found else ""
        yield Component(
            key="stub",
            kind="program",
            name="systemd-stub",
            version=release,
            purl=purl("generic", "", "systemd-stub", release),
            license=License(expression="LGPL-2.1-or-later"),
            sha256=output.digest(stub).hex(),
            homepage="https://systemd.io",
            note="The first program of the unified kernel image, from Debian's package systemd-boot-efi.",
        )
    if init:
        yield Component(
            key="init",
            kind="program",
            name="claylinux-init",
            version=version,
            purl=purl("generic", "", "claylinux-init", version),
            license=License(expression="Apache-2.0 AND MIT"),
            sha256=output.digest(init).hex(),
            note="The first process, which mounts the system and starts its init. Linked with musl (MIT).",
        )


def with_firmware(
    root: Root, packages: tuple[Component, ...], owners: Mapping[str, str]
) -> tuple[tuple[Component, ...], tuple[Component, ...]]:
    """Return the packages, with a note where firmware was left out, and the firmware that no package brought."""
    found = firmware.find(root)
    if not found.files:
        return packages, ()
    tops = tuple(f"{top}/" for top in {found.directory, *firmware.DIRECTORIES})
    # The lists name files only, but apk's and dpkg's differ on directories: those of dpkg are in its lists.
    listed = {path: owner for path, owner in owners.items() if path.startswith(tops)}
    directories = {path.rpartition("/")[0] for path in listed}
    wanted = Counter(owner for path, owner in listed.items() if path not in directories)
    real = [f"{found.directory}/{path}" for path in found.files]
    kept = Counter(listed.get(path, "") for path in real)
    noted = tuple(_noted(each, kept[each.key], wanted[each.key]) for each in packages)
    if not kept[""]:
        return noted, ()
    text = f"{kept['']} files below /{found.directory} that belong to no package."
    return noted, (Component(key="firmware", kind="firmware", name="firmware", note=text),)


def _noted(package: Component, kept: int, wanted: int) -> Component:
    if kept >= wanted:
        return package
    return replace(package, note=f"The system has {kept} of the {wanted} files of firmware in this package.")
