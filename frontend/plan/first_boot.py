"""What the init system does at the first boot, once more in the build, where things came that no package brought.

Steps of `run` can leave traces of package managers, too: the same step removes them.

Every boot of a system in memory is the first one, so the package steps do this work for good. A step for it after them
is only planned where it may find something new: a changed line of `files` must not cost a step more.
"""

from __future__ import annotations

import re

import llb
from frontend.distro.family import Family, PackageStep
from frontend.distro.registry import FAMILIES
from spec.files import CopiedFile, FetchedFile, FileEntry, Symlink

from . import places
from .inputs import PlanInputs
from .origins import origin_of_file
from .packages import asks_package_manager, preset_of, run_package_manager
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
"""Folders in which something is looked for; all that /usr has of it is below its libraries."""
_KINDS = re.compile(
    r"""
    / (lib|ld-) [^/]* \.so (\.[^/]*)? $  # what ldconfig takes for a library, wherever its folders are
    | ^/etc/ld\.so\.conf
    | ^/etc/udev/hwdb\.d/
    | /sysusers\.d/
    | ^/etc/(passwd|group|g?shadow)$  # then users of packages may be missing
    | /systemd/catalog/
    """,
    re.VERBOSE,
)
"""Files that are looked for."""


def finish_first_boot(inputs: PlanInputs, system: llb.State) -> llb.State:
    """Return `system`, which `files` and `run` changed, as it would be after its first boot."""
    spec, preset = inputs.spec, preset_of(inputs)
    # Where no package step was, nothing says that the work is done: the system does it at boot.
    done = FAMILIES[preset.family].first_boot() is not None if preset else asks_package_manager(inputs)
    boots = done and (bool(spec.run) or _files_matter(inputs))
    if not spec.run and not boots:
        return system
    key = "run" if spec.run else "files"
    title = "what systemd would do at first boot" if boots else "remove traces of package managers"
    step = Step(f"[system] {title}", places.at(spec, key), (key,))

    def finish(family: Family) -> PackageStep | None:
        steps = [family.tidy() if spec.run else None, family.first_boot() if boots else None]
        scripts = [each.script for each in steps if each is not None]
        told = [_TELL_CACHES] if spec.run else []
        return PackageStep(script="".join((*told, *scripts))) if scripts else None

    return run_package_manager(inputs, system, finish, step, network="none", optional=True)


def _files_matter(inputs: PlanInputs) -> bool:
    return any(matters(path, tree=_is_tree(inputs, entry)) for path, entry in inputs.spec.files.items())


def matters(path: str, *, tree: bool) -> bool:
    """Tell whether what `files` puts at `path` is looked for at the first boot. What a `tree` holds is not known."""
    if _KINDS.search(path):
        return True
    inner = f"{path.rstrip('/')}/"
    return tree and any(inner.startswith(place) or place.startswith(inner) for place in _PLACES)


def _is_tree(inputs: PlanInputs, entry: FileEntry) -> bool:
    match entry:
        case CopiedFile(source=source):
            return source in inputs.sources[origin_of_file(entry)].folders
        case FetchedFile(unpack=unpack):
            return unpack
        case Symlink():
            return True  # of whatever it points to
        case _:
            return False
