"""Rules across the keys of the running system: accounts, services, mounts. Pure; each tells what it finds."""

from __future__ import annotations

import re
from collections.abc import Iterable

from frontend.config.syntax.diagnostics import Collector
from spec.document import Spec
from spec.mounts import DeviceMount, MemoryMount
from spec.positions import Path, Range
from spec.services import ESSENTIAL, ServiceCommand, ServiceSwitch
from spec.values.filesystems import CREATABLE, LONGEST_LABEL, NEEDED, NOT_IN_FAT_LABEL
from spec.values.wording import code, listing


def validate_system(spec: Spec, problems: Collector) -> None:
    """Tell every contradiction in what the running system is told."""
    _accounts(spec, problems)
    _services(spec, problems)
    _mounts(spec, problems)


def repeated(spec: Spec, named: Iterable[tuple[object, Path]]) -> Iterable[tuple[object, Range, Range]]:
    """Yield what is there more than once: the value, where it is again, where it was first."""
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
        for name, place, first in repeated(spec, ((each, (f"{word}s", i, "name")) for i, each in enumerate(names))):
            problems.add(
                place, f"the {word} {code(str(name))} is here a second time (the first is on {first.line_from(place)})"
            )
    uids = ((each.uid, ("users", index, "uid")) for index, each in enumerate(spec.users) if each.uid is not None)
    for uid, place, first in repeated(spec, uids):
        problems.add(place, f"uid {uid} is already taken by the user on {first.line_from(place)}: choose another")
    gids = ((each.gid, ("groups", index, "gid")) for index, each in enumerate(spec.groups) if each.gid is not None)
    for gid, place, first in repeated(spec, gids):
        problems.add(place, f"gid {gid} is already taken by the group on {first.line_from(place)}: choose another")


def _services(spec: Spec, problems: Collector) -> None:
    for name in spec.services:
        short = name.removesuffix(".service")
        if short != name and short in spec.services:
            place = spec.positions.key("services", name)
            line = spec.positions.key("services", short).line_from(place)
            problems.add(place, f"{code(name)} is the service {code(short)} on {line}: keep one")
    for name, service in spec.services.items():
        if not isinstance(service, ServiceCommand):
            _switch(spec, name, service, problems)
            continue
        if service.oneshot and service.restart == "always":
            place = spec.positions.of("services", name, "restart")
            problems.add(place, "a oneshot service ends by itself: `always` would start it over and over, so write "
                         "`on-failure`, or leave `restart` out")  # fmt: skip
        if name in service.after:
            place = spec.positions.of("services", name, "after", service.after.index(name))
            problems.add(place, f"{code(name)} cannot start after itself")


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
            problems.add(place, f"{point} would be empty, and the system needs what is there: choose another folder")
        if isinstance(mount, DeviceMount):
            _device(spec, point, mount, problems)


def _device(spec: Spec, point: str, mount: DeviceMount, problems: Collector) -> None:
    place = spec.positions.of("mounts", point, "device")
    device, binds = mount.device, {option.partition("=")[0] for option in mount.options} & {"bind", "rbind", "loop"}
    is_path = device.startswith("/") and not device.startswith(("/dev/", "//"))
    if is_path and not binds and mount.fstype in (None, "none"):
        problems.add(place, f"{device} is no device: a folder needs `options: [bind]`, a file with a file system in it "
                     "its `fstype`")  # fmt: skip
    tag, _, label = device.partition("=")
    longest = LONGEST_LABEL.get(mount.fstype or "", 0)
    if tag == "LABEL" and longest and len(label.encode()) > longest:
        problems.add(place, f"a label of {mount.fstype} has at most {longest} characters: {code(label)} is never found")
    elif tag == "LABEL" and mount.create and mount.fstype == "vfat" and re.search(NOT_IN_FAT_LABEL, label):
        problems.add(place, f"{code(label)} cannot be the label of a new vfat: write letters, digits, `-` and `_`")
    if mount.create and mount.fstype not in CREATABLE:
        key = spec.positions.key("mounts", point, "fstype" if mount.fstype else "create")
        problems.add(key, f"`create` needs the kind of file system to make: `fstype` is one of {listing(CREATABLE)}")
    if mount.create and not device.startswith(("/dev/", "LABEL=")):
        problems.add(place, f"`create` needs a disk: write a device in /dev, or LABEL=..., not {device}")
