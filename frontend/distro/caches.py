"""Cache mounts of package managers. All builds of an engine share them, so their content may come from anybody."""

from __future__ import annotations


def sweep(directory: str, names: str) -> str:
    """Return the shell line that leaves in a cache mount only plain files whose names match the pattern `names`.

    A link would lead out of the mount, a pipe would wait for ever, and an odd name would become words of a command.
    """
    odd = "*[!A-Za-z0-9._:%+~-]*"
    foreign = f"! -type f -o -links +1 -o ! -name '{names}' -o -name '{odd}'"
    return f"find {directory} -mindepth 1 -maxdepth 1 \\( {foreign} \\) -exec rm -rf {{}} +\n"
