"""Rules of `rootfs`: where the system is while it runs. Pure; each reports what it finds."""

from __future__ import annotations

from frontend.config.syntax.diagnostics import Collector
from spec.document import Spec
from spec.formats import FORMATS, formats_on_disk
from spec.values.wording import code, listing


def validate_rootfs(spec: Spec, problems: Collector) -> None:
    """Report every contradiction between a system on a disk and what else the file says."""
    if not spec.rootfs.on_disk:
        if spec.rootfs.copy:
            problems.add(spec.positions.of("rootfs", "copy"), "`copy` takes the system from the disk to memory, where "
                         "it is in any case without `source: disk`: remove `copy`, or add `source: disk`")  # fmt: skip
        return
    if spec.rootfs.mode == "tmpfs":
        place = spec.positions.of("rootfs", "mode")
        problems.add(place, "`mode: tmpfs` unpacks the system to memory, and `source: disk` leaves it on the disk: "
                            "remove one of them")  # fmt: skip
    able = formats_on_disk()
    for index, output in enumerate(spec.outputs):
        place = spec.positions.of("outputs", index)
        if output.format in FORMATS and output.format not in able and not problems.any_in(place):
            problems.add(place, f"the output {code(output.format)} has no disk for `rootfs: {{source: disk}}`: choose "
                                f"{listing(able)}")  # fmt: skip
    if spec.update is not None:
        problems.add(spec.positions.of("rootfs", "source"), "an update is one file, without layers beside it: remove "
                                                          "`source: disk` or `update`")  # fmt: skip
