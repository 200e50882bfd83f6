"""Rules across the keys of the running system: accounts, services, mounts. Pure; each reports what it finds."""

from __future__ import annotations

import re
from collections.abc import Iterable

from frontend.config.syntax.diagnostics import Collector
from spec.document import Spec
from spec.mounts import DeviceMount, MemoryMount
from spec.positions import Path, Range
from spec.services import ESSENTIAL, ServiceCommand, ServiceSwitch
from spec.values.filesystems import CREATABLE, LONGEST_LABEL, NEEDED, NOT_IN_FAT_LABEL
from spec.values.wording import code, listing, must_be, quote


def validate_system(spec: Spec, problems: Collector) -> None:
    """Report every contradiction between the keys of the running system."""
    _accounts(spec, problems)
    _services(spec, problems)
    _mounts(spec, problems)


def duplicates(spec: Spec, named: Iterable[tuple[object, Path]]) -> Iterable[tuple[object, Range, Range]]:
    """Yield each value that appears again: the value, its place, and the place where it appears first."""
    first: dict[object, Range] = {}
    for value, path in named:
        place = spec.positions.of(*path)
        if value in first:
            yield value, place, first[value]
        else:
            first[value] = place


def _accounts(spec: Spec, problems: Collector) -> None:
    users, groups = [each.name for each in spec.users], [each.name for each in spec.groups]
    for word, names in (("user", users), ("group", groups)):
        for name, place, first in duplicates(spec, ((each, (f"{word}s", i, "name")) for i, each in enumerate(names))):
            line = first.line_from(place)
            problems.add(place, f"duplicate {word} {code(str(name))} (first on {line}): remove one of them")
    uids = ((each.uid, ("users", index, "uid")) for index, each in enumerate(spec.users) if each.uid is not None)
    for uid, place, first in duplicates(spec, uids):
        problems.add(place, f"the user on {first.line_from(place)} already has uid {uid}: choose another")
    gids = ((each.gid, ("groups", index, "gid")) for index, each in enumerate(spec.groups) if each.gid is not None)
    for gid, place, first in duplicates(spec, gids):
        problems.add(place, f"the group on {first.line_from(place)} already has gid {gid}: choose another")


def _services(spec: Spec, problems: Collector) -> None:
    for name in spec.services:
        short = name.removesuffix(".service")
        if short != name and short in spec.services:
            place = spec.positions.key("services", name)
            line = spec.positions.key("services", short).line_from(place)
            problems.add(place, f"{code(name)} is the same service as {code(short)} on {line}: remove one of them")
    for name, service in spec.services.items():
        if not isinstance(service, ServiceCommand):
            _switch(spec, name, service, problems)
            continue
        if service.oneshot and service.restart == "always":
            place = spec.positions.of("services", name, "restart")
            problems.add(place, "`restart` of a oneshot service must be `on-failure` or `no`; got \"always\": it would "
                         "run again and again")  # fmt: skip
        if name in service.after:
            place = spec.positions.of("services", name, "after", service.after.index(name))
            problems.add(place, f"{code(name)} cannot start after itself: remove it from `after`")


def _switch(spec: Spec, name: str, service: ServiceSwitch, problems: Collector) -> None:
    unit = name if name in ESSENTIAL else f"{name}.service"
    if service.start is False and unit in ESSENTIAL:
        place = spec.positions.of("services", name)
        problems.add(place, f"no system starts without {name}: {ESSENTIAL[unit]}; remove this line")


def _mounts(spec: Spec, problems: Collector) -> None:
    for point, mount in spec.mounts.items():
        empty = isinstance(mount, MemoryMount) or mount.create
        if empty and point in NEEDED:
            place = spec.positions.key("mounts", point)
            problems.add(place, f"this would hide {point}, which the system needs: choose another directory")
        if isinstance(mount, DeviceMount):
            _device(spec, point, mount, problems)


def _device(spec: Spec, point: str, mount: DeviceMount, problems: Collector) -> None:
    place = spec.positions.of("mounts", point, "device")
    device, binds = mount.device, {option.partition("=")[0] for option in mount.options} & {"bind", "rbind", "loop"}
    is_path = device.startswith("/") and not device.startswith(("/dev/", "//"))
    # Its options or type may be missing because they have a problem.
    is_sound = not problems.any_in(spec.positions.of("mounts", point))
    if is_sound and is_path and not binds and mount.fstype in (None, "none"):
        problems.add(place, f"{device} is not a device: to mount a directory, add `options: [bind]`; to mount an image "
                     "file, add its `fstype`")  # fmt: skip
    tag, _, label = device.partition("=")
    longest = LONGEST_LABEL.get(mount.fstype or "", 0)
    if tag == "LABEL" and longest and len(label.encode()) > longest:
        problems.add(place, f"a label of {mount.fstype} must be at most {longest} bytes long; got {quote(label)}")
    elif tag == "LABEL" and mount.create and mount.fstype == "vfat" and (found := re.search(NOT_IN_FAT_LABEL, label)):
        problems.add(place, f"a label of vfat must not contain {code(found[0])}; got {quote(label)}")
    if mount.create and mount.fstype not in CREATABLE and (mount.fstype or is_sound):
        key = spec.positions.key("mounts", point, "fstype" if mount.fstype else "create")
        got = quote(mount.fstype) if mount.fstype else "nothing"
        problems.add(key, f"with `create`, `fstype` {must_be(listing(CREATABLE))}; got {got}")
    if mount.create and not device.startswith(("/dev/", "LABEL=")):
        expected = must_be("a disk", ("/dev/vdb", "LABEL=DATA"))
        problems.add(place, f"with `create`, `device` {expected}; got {quote(device)}")
