"""Image names, normalized like Docker does (github.com/distribution/reference)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .errors import LlbError

DEFAULT_DOMAIN = "docker.io"
"""The registry of a name without one; part of the grammar. Nothing else repeats this name."""
_LEGACY_DOMAIN = f"index.{DEFAULT_DOMAIN}"
_OFFICIAL = "library/"
_DEFAULT_TAG = "latest"

_DOMAIN_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_DOMAIN_LABEL}(?:\.{_DOMAIN_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")
_PATH_LABEL = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PATH_LABEL}(?:/{_PATH_LABEL})*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-f]{32,}")


@dataclass(frozen=True, slots=True)
class Reference:
    """The parts of an image name. `str()` returns the full form that BuildKit expects."""

    domain: str
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Return the parts of `text`; without tag and digest, the tag is `latest`.

        Raises `LlbError` if `text` is not an image name.
        """
        named, _, digest = text.partition("@")
        head, slash, rest = named.partition("/")
        if not slash or not (head == "localhost" or set(head) & set(".:") or head != head.lower()):
            head, rest = DEFAULT_DOMAIN, named
        path, _, tag = rest.partition(":")
        if head == _LEGACY_DOMAIN:
            head = DEFAULT_DOMAIN
        if head == DEFAULT_DOMAIN and "/" not in path:
            path = _OFFICIAL + path
        result = cls(head, path, tag or ("" if digest else _DEFAULT_TAG), digest)
        result._check(text)
        return result

    def with_digest(self, digest: str) -> Reference:
        """Return the same name pinned to `digest`, or this name if `digest` is empty. Raises `LlbError`."""
        pinned = replace(self, digest=digest or self.digest)
        pinned._check(str(pinned))
        return pinned

    @property
    def familiar(self) -> str:
        """The short form that users write: without default domain, `library/` and `:latest`."""
        name = f"{self.domain}/{self.path}"
        if self.domain == DEFAULT_DOMAIN:
            name = self.path.removeprefix(_OFFICIAL)
            name = self.path if "/" in name and self.path.startswith(_OFFICIAL) else name
        tag = "" if self.tag in ("", _DEFAULT_TAG) else f":{self.tag}"
        return f"{name}{tag}{f'@{self.digest}' if self.digest else ''}"

    def _check(self, text: str) -> None:
        if self.path != self.path.lower():
            raise LlbError(f"image {text!r}: image names must be lower case")
        if not _DOMAIN.fullmatch(self.domain) or not _PATH.fullmatch(self.path) or text.endswith(("@", ":")):
            raise LlbError(f"{text!r} is not an image name, for example debian:trixie")
        if self.tag and not _TAG.fullmatch(self.tag):
            raise LlbError(f"image {text!r}: {self.tag!r} is not a tag, for example trixie")
        if self.digest and not _DIGEST.fullmatch(self.digest):
            raise LlbError(f"image {text!r}: {self.digest!r} is not a digest: write sha256: followed by 64 hex digits")

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.domain}/{self.path}{tag}{digest}"
