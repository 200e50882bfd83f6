"""The first-boot work of the init system, done again in the build after files that came without a package.

Steps of `run` can leave traces of package managers, too. The same step removes them.

Every boot of a system in memory is a first boot. So the package steps do this work in advance. Another step for it is
planned only if it may find something new: a changed line in `files` must not cost an extra step.
"""

from __future__ import annotations

import re

import llb
from frontend.distro.family import Family, PackageStep
from frontend.distro.registry import FAMILIES
from spec.files import FileEntry, Symlink

from . import places
from .files import is_tree
from .inputs import PlanInputs
from .packages import changes_packages, preset_of, run_package_manager
from .steps import Step

_TELL_CACHES = """\
for place in /root/.cache /root/.npm /root/.cargo/registry /root/go/pkg /var/tmp; do
  size=$(du -sm "$place" 2>/dev/null | cut -f 1)
  [ "${size:-0}" -lt 5 ] || echo "claylinux: run left $size MB in $place, which will be in the image" >&2
done
"""
"""A script that tells what other programs left."""
_PLACES = (
    "/etc/ld.so.conf.d/", "/lib/", "/lib32/", "/lib64/", "/libx32/",
    "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/libx32/", "/usr/local/lib/",
    "/etc/sysusers.d/", "/etc/udev/hwdb.d/",
)  # fmt: skip
"""Directories that the first boot reads. In /usr they are all below its libraries."""
_KINDS = re.compile(
    r"""
    / (lib|ld-) [^/]* \.so (\.[^/]*)? $  # a library for ldconfig, in any directory
    | ^/etc/ld\.so\.conf
    | ^/etc/udev/hwdb\.d/
    | /sysusers\.d/
    | ^/etc/(passwd|group|g?shadow)$  # users of packages may be missing
    | /systemd/catalog/
    """,
    re.VERBOSE,
)
"""Files that the first boot reads."""


def finish_first_boot(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system`, after `files` and `run`, as it would be after its first boot."""
    spec, preset = inputs.spec, preset_of(inputs)
    # Without a package step, nothing marks the work as done: the system does it at boot.
    done = FAMILIES[preset.family].first_boot() is not None if preset else changes_packages(inputs)
    boots = done and (bool(spec.run) or _files_matter(inputs))
    if not spec.run and not boots:
        return system
    key = "run" if spec.run else "files"
    title = "first-boot work of systemd" if boots else "remove traces of package managers"
    step = Step(f"[system] {title}", places.location_of(spec, key), (key,))

    def finish(family: Family) -> PackageStep | None:
        steps = [family.tidy() if spec.run else None, family.first_boot() if boots else None]
        scripts = [each.script for each in steps if each is not None]
        told = [_TELL_CACHES] if spec.run else []
        return PackageStep(script="".join((*told, *scripts))) if scripts else None

    return run_package_manager(inputs, system, finish, step, network="none", optional=True)


def _files_matter(inputs: PlanInputs) -> bool:
    return any(matters(path, tree=_may_be_tree(inputs, entry)) for path, entry in inputs.spec.files.items())


def matters(path: str, *, tree: bool) -> bool:
    """Return whether the first boot reads a file at `path`. The content of a `tree` is not known."""
    if _KINDS.search(path):
        return True
    inner = f"{path.rstrip('/')}/"
    return tree and any(inner.startswith(place) or place.startswith(inner) for place in _PLACES)


def _may_be_tree(inputs: PlanInputs, entry: FileEntry) -> bool:
    return isinstance(entry, Symlink) or is_tree(inputs, entry)  # a link may point to a directory
