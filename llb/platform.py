"""Platforms: operating system and processor, in containerd's spelling (containerd/platforms)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import LlbError

if TYPE_CHECKING:
    from proto import ops_pb2

_OS_NAMES = {"macos": "darwin"}
_DEFAULT_VARIANTS = {"amd64": ("v1", "1"), "arm64": ("v8", "8")}
_ARCHITECTURES = {
    "i386": ("386", ""),
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_PART = re.compile(r"[A-Za-z0-9_.-]+")
_OS_PART = re.compile(r"(?P<os>[A-Za-z0-9_.-]+)(\((?P<version>[A-Za-z0-9_.-]*)\))?")


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """The operating system and processor of a tree. The text form is `os[(os_version)]/architecture[/variant]`."""

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Return the normalized platform called `text`; the OS defaults to linux. Raises `LlbError`."""
        parts = text.split("/")
        if len(parts) == 1:
            parts = ["linux", *parts]
        head = _OS_PART.fullmatch(parts[0])
        if head is None or len(parts) > 3 or not all(_PART.fullmatch(part) for part in parts[1:]):
            raise LlbError(f"{text!r} is not a platform: write os/architecture, for example linux/amd64")
        variant = parts[2] if len(parts) == 3 else ""
        return cls(head["os"], parts[1], variant, head["version"] or "").normalized()

    def normalized(self) -> Platform:
        """Return the same platform in its canonical spelling, the one for cache keys."""
        os = self.os.lower()
        architecture, variant = self.architecture.lower(), self.variant.lower()
        architecture, implied = _ARCHITECTURES.get(architecture, (architecture, ""))
        variant = variant or implied
        if variant in _DEFAULT_VARIANTS.get(architecture, ()) or architecture == "386":
            variant = ""
        if architecture == "arm":
            variant = f"v{variant.removeprefix('v') or '7'}"
        return Platform(_OS_NAMES.get(os, os), architecture, variant, self.os_version)

    def to_pb(self) -> ops_pb2.Platform:
        """Return the wire message."""
        from proto import ops_pb2

        return ops_pb2.Platform(
            OS=self.os, Architecture=self.architecture, Variant=self.variant, OSVersion=self.os_version
        )

    def __str__(self) -> str:
        version = f"({self.os_version})" if self.os_version else ""
        variant = f"/{self.variant}" if self.variant else ""
        return f"{self.os}{version}/{self.architecture}{variant}"
