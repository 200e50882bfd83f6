"""`profiles`: other values for some keys. A build argument chooses them."""

from __future__ import annotations

from collections.abc import Iterator

from frontend.config.syntax.diagnostics import Collector
from frontend.config.syntax.nodes import Mapping, Scalar, describe
from spec.positions import START
from spec.values.wording import code, listing, suggest

from .arguments import PROFILE
from .merge import find, merge, without
from .shapes import MapShape, ObjectShape

_MOST = 64
"""Each profile is checked with the whole file."""


def split_profiles(root: Mapping, shape: ObjectShape, problems: Collector) -> tuple[Mapping, dict[str, Mapping]]:
    """Return the file without its profiles, and the profiles by name."""
    pair = find(root, "profiles")
    if pair is None:
        return root, {}
    profiles: dict[str, Mapping] = {}
    if not isinstance(pair.value, Mapping):
        text = f"`profiles` must be a mapping (for example `{{dev: {{outputs: [efi]}}}}`); got {describe(pair.value)}"
        problems.add(pair.value.range, text)
    for profile in pair.value.pairs if isinstance(pair.value, Mapping) else ():
        name = profile.key.text
        if name.startswith("x-"):
            continue
        if len(profiles) == _MOST:
            problems.add(profile.key.range, f"a build file can have at most {_MOST} profiles")
            break
        _check_name(profile.key, shape, problems)
        if not isinstance(profile.value, Mapping):
            text = f"a profile must be a mapping (for example {code(f'{name}: {{outputs: [efi]}}')})"
            problems.add(profile.value.range, f"{text}; got {describe(profile.value)}")
            continue
        profiles[name] = _of_the_file(profile.value, problems)
    return without(root, "profiles"), profiles


def _of_the_file(profile: Mapping, problems: Collector) -> Mapping:
    """Return a profile without the keys that only the file can have."""
    for name in ("profiles", "include"):
        found = find(profile, name)
        if found is not None:
            text = f"`{name}` cannot be part of a profile: move it to the top level of the file"
            problems.add(found.key.range, text)
            profile = without(profile, name)
    return profile


def _check_name(key: Scalar, shape: ObjectShape, problems: Collector) -> None:
    names = shape.fields["profiles"].shape
    assert isinstance(names, MapShape)
    try:
        names.key.read(key.text)
    except ValueError as error:
        problems.add(key.range, f"the name of a profile {error}")


def apply_profiles(
    root: Mapping, profiles: dict[str, Mapping], chosen: tuple[str, ...], shape: ObjectShape, problems: Collector
) -> Mapping:
    """Return the file with the chosen profiles merged over it, in order. Lists are replaced, not joined."""
    for name in chosen:
        if name not in profiles:
            near = suggest(name, profiles)
            known = f"this file has {listing(profiles, 'and')}" if profiles else "this file has no `profiles`"
            hint = f"did you mean {code(near)}?" if near else known
            problems.add(START, f"--build-arg {PROFILE}: unknown profile {code(name)}: {hint}")
            continue
        root = _merge(root, profiles[name], shape)
    return root


def with_other_profiles(
    root: Mapping, profiles: dict[str, Mapping], chosen: tuple[str, ...], shape: ObjectShape
) -> Iterator[Mapping]:
    """Yield the file with each profile that was not chosen, so that their mistakes are found early, too."""
    return (_merge(root, profile, shape) for name, profile in profiles.items() if name not in chosen)


def _merge(root: Mapping, profile: Mapping, shape: ObjectShape) -> Mapping:
    whole = merge(root, profile, shape, join_lists=False)
    assert isinstance(whole, Mapping)
    return whole
