"""`profiles`: other values for some keys, chosen by a build argument."""

from __future__ import annotations

from collections.abc import Iterator

from frontend.config.syntax.diagnostics import Collector
from frontend.config.syntax.nodes import Mapping, Scalar
from spec.positions import START
from spec.values.wording import code, suggest

from .arguments import PROFILE
from .merge import find, over, without
from .shapes import MapShape, ObjectShape


def split(root: Mapping, shape: ObjectShape, problems: Collector) -> tuple[Mapping, dict[str, Mapping]]:
    """Return the file without its profiles, and the profiles by name."""
    pair = find(root, "profiles")
    if pair is None:
        return root, {}
    profiles: dict[str, Mapping] = {}
    if not isinstance(pair.value, Mapping):
        problems.add(pair.value.range, "`profiles` must be a mapping, such as `{dev: {outputs: [efi]}}`")
    for profile in pair.value.pairs if isinstance(pair.value, Mapping) else ():
        name = profile.key.text
        if name.startswith("x-"):
            continue
        _check_name(profile.key, shape, problems)
        if not isinstance(profile.value, Mapping):
            problems.add(profile.value.range, f"the profile {code(name)} must be a mapping of keys of the file")
            continue
        profiles[name] = _of_the_file(profile.value, problems)
    return without(root, "profiles"), profiles


def _of_the_file(profile: Mapping, problems: Collector) -> Mapping:
    """Return a profile without the keys that only the file can have."""
    for name in ("profiles", "include"):
        found = find(profile, name)
        if found is not None:
            problems.add(found.key.range, f"`{name}` cannot be in a profile: write it at the top of the file")
            profile = without(profile, name)
    return profile


def _check_name(key: Scalar, shape: ObjectShape, problems: Collector) -> None:
    names = shape.fields["profiles"].shape
    assert isinstance(names, MapShape)
    try:
        names.key.read(key.text)
    except ValueError as error:
        problems.add(key.range, f"a key of `profiles` {error}")


def applied(
    root: Mapping, profiles: dict[str, Mapping], chosen: tuple[str, ...], shape: ObjectShape, problems: Collector
) -> Mapping:
    """Return the file with the chosen profiles over it, one after the other. Lists are replaced, not joined."""
    for name in chosen:
        if name not in profiles:
            near = suggest(name, profiles)
            known = f"the profiles are {', '.join(map(code, profiles))}" if profiles else "this file has no `profiles`"
            problems.add(START, f"--build-arg {PROFILE}: there is no profile {code(name)}: "
                                + (f"did you mean {code(near)}?" if near else known))  # fmt: skip
            continue
        root = _over(root, profiles[name], shape)
    return root


def others(
    root: Mapping, profiles: dict[str, Mapping], chosen: tuple[str, ...], shape: ObjectShape
) -> Iterator[Mapping]:
    """Yield the file with each of the profiles that were not chosen: their mistakes are told early, too."""
    return (_over(root, profile, shape) for name, profile in profiles.items() if name not in chosen)


def _over(root: Mapping, profile: Mapping, shape: ObjectShape) -> Mapping:
    whole = over(root, profile, shape, join_lists=False)
    assert isinstance(whole, Mapping)
    return whole
