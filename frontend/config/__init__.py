"""claylinux.yaml: text -> frozen spec, or every error at once, each at its place."""

from .diagnostics import ConfigError, Diagnostic
from .load import load
from .model import (
    Base,
    ContextBase,
    CopiedFile,
    Directory,
    Dns,
    FileEntry,
    ImageBase,
    InlineFile,
    Kernel,
    Output,
    PresetBase,
    RunStep,
    Spec,
    Symlink,
    User,
)
from .paths import Owner
from .positions import Position, Positions, Range
from .words import OUTPUT_FORMATS, PRESETS

__all__ = [
    "OUTPUT_FORMATS",
    "PRESETS",
    "Base",
    "ConfigError",
    "ContextBase",
    "CopiedFile",
    "Diagnostic",
    "Directory",
    "Dns",
    "FileEntry",
    "ImageBase",
    "InlineFile",
    "Kernel",
    "Output",
    "Owner",
    "Position",
    "Positions",
    "PresetBase",
    "Range",
    "RunStep",
    "Spec",
    "Symlink",
    "User",
    "load",
]
