"""What `imager inspect` found in a finished system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from frontend import documents

_TEXTS = {"*": [str]}
_SHAPE = {
    "kernels": [{"version": str, "path": str, "machine": (str, documents.NONE)}],
    "init": (str, documents.NONE),
    "init_machine": (str, documents.NONE),
    "boot_cmdline": (str, documents.NONE),
    "os_release": {"*": str},
    "kernel_tree?": {
        "similar?": {"*": {"*": (str, documents.NONE)}},
        "not_included?": _TEXTS,
        "not_excluded?": _TEXTS,
        "missing_firmware?": _TEXTS,
        "unmatched_firmware?": [str],
        "missing_microcode?": [str],
    },
    "unknown_modules?": {"*": {"*": (str, documents.NONE)}},
    "no_overlay?": _TEXTS,
    "no_disk?": _TEXTS,
    "no_decoder?": _TEXTS,
    "leftovers?": _TEXTS,
    "broken?": {"*": str},
    "hidden_files?": {"*": str},
    "hidden_homes?": {"*": [str, str]},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFile:
    """A kernel in the system. `machine` is an OCI architecture, or empty if the file does not say it."""

    version: str
    path: str
    machine: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Facts about a system that decide how it boots. See `imager.report.inspection`."""

    kernels: tuple[KernelFile, ...] = ()
    init: str | None = None
    init_machine: str = ""
    boot_cmdline: str | None = None
    os_release: Mapping[str, str] = field(default_factory=dict)
    kernel_tree: Mapping[str, Any] = field(default_factory=dict)
    unknown_modules: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    no_overlay: Mapping[str, Sequence[str]] = field(default_factory=dict)
    no_disk: Mapping[str, Sequence[str]] = field(default_factory=dict)
    no_decoder: Mapping[str, Sequence[str]] = field(default_factory=dict)
    leftovers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)
    hidden_files: Mapping[str, str] = field(default_factory=dict)
    hidden_homes: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def parse_report(data: bytes) -> Report:
    """Decode the JSON that `imager inspect` wrote."""
    raw = documents.read(data, "the report about the system", _SHAPE)
    kernels = (KernelFile(version=k["version"], path=k["path"], machine=k["machine"] or "") for k in raw["kernels"])
    return Report(
        kernels=tuple(kernels),
        init=raw["init"],
        init_machine=raw["init_machine"] or "",
        boot_cmdline=raw["boot_cmdline"],
        os_release=raw["os_release"],
        kernel_tree=raw.get("kernel_tree", {}),
        unknown_modules=raw.get("unknown_modules", {}),
        no_overlay=raw.get("no_overlay", {}),
        no_disk=raw.get("no_disk", {}),
        no_decoder=raw.get("no_decoder", {}),
        leftovers=raw.get("leftovers", {}),
        broken=raw.get("broken", {}),
        hidden_files=raw.get("hidden_files", {}),
        hidden_homes=raw.get("hidden_homes", {}),
    )
