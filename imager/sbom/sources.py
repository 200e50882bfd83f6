"""What a system takes from outside, apart from packages: its base image, and the key `files`."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from imager.rootfs.root import Root
from imager.sbom import digests
from imager.sbom.component import Component, key, purl
from spec.files import CopiedFile, FetchedFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SCP = re.compile(r"[\w.-]+@([^/:]+):(.+)")


def base(image: str) -> Component | None:
    """Return the image that a system was made from, by its name with tag and digest; None if there is none."""
    if not image:
        return None
    name, _, digest = image.partition("@")
    return Component(
        key="base",
        kind="image",
        name=name,
        version=digest or name.rpartition("/")[2].partition(":")[2],
        purl=_image_purl(image),
        sha256=digest.removeprefix("sha256:") if digest.startswith("sha256:") else "",
        note="The image that the system was made from.",
    )


def files(entries: Mapping[str, tuple[CopiedFile | FetchedFile, str, str]]) -> Iterator[Component]:
    """Yield what `entries` bring, by their places in the system.

    Beside each entry stand the path of the download or of the tree that it copies from, and the name of that tree if
    it is an image.
    """
    for place, (entry, found, image) in entries.items():
        if isinstance(entry, FetchedFile):
            yield _fetched(place, entry, Path(found))
        else:
            yield _copied(place, entry, Root(Path(found)), image)


def _fetched(place: str, entry: FetchedFile, found: Path) -> Component:
    """Return a download. The digest is that of the archive, also where only its content is in the system."""
    name = re.split(r"[?#]", entry.url)[0].rstrip("/").rpartition("/")[2]
    known = entry.checksum.removeprefix("sha256:") if entry.checksum else ""
    sha256 = known or digests.of_file(Root(found.parent), found.name)
    checksum = f"sha256:{sha256}" if sha256 else ""
    return Component(
        key=key("file", place.strip("/") or "root"),
        kind="file",
        name=place,
        purl=purl("generic", "", name, checksum=checksum, download_url=entry.url),
        location=entry.url,
        sha256=sha256,
        note=f"{'Unpacked' if entry.unpack else 'Downloaded'} from {entry.url}.",
    )


def _copied(place: str, entry: CopiedFile, source: Root, image: str) -> Component:
    status = source.status(entry.source)  # of what a link leads to, which is what is copied
    mode = status.st_mode if status else 0
    if entry.git:
        location, where, address = _git_location(entry), f"of {entry.git}", ""
        address = purl("generic", "", entry.source.rpartition("/")[2] or "tree", vcs_url=location)
    elif image:
        location, where, address = "", f"of the image {image}", _image_purl(image, entry.source)
    else:
        context = f"context {entry.context}" if entry.context else "build context"
        location, where, address = "", f"of the {context}", ""
    return Component(
        key=key("file", place.strip("/") or "root"),
        kind="file",
        name=place,
        purl=address,
        location=location,
        note=f"Copied from {entry.source} {where}.",
        sha256=digests.of_file(source, entry.source) if stat.S_ISREG(mode) else "",
        swhid=digests.of_directory(source, entry.source) if stat.S_ISDIR(mode) else "",
    )


def _git_location(entry: CopiedFile) -> str:
    """Return a place in a repository as SPDX writes it: git+URL@REVISION#PATH, without a user."""
    assert entry.git
    address, _, place = entry.git.partition("#")
    revision, _, directory = place.partition(":")
    if found := _SCP.fullmatch(address):
        address = f"ssh://{found[1]}/{found[2]}"
    address = re.sub(r"//[^/@]*@", "//", address)
    path = "/".join(part for part in (directory, entry.source) if part not in ("", "."))
    return f"git+{address}" + (f"@{revision}" if revision else "") + (f"#{path}" if path else "")


def _image_purl(image: str, path: str = "") -> str:
    """Return the package URL of an image, as BuildKit writes it in a provenance, or of a path in it."""
    named, _, digest = image.partition("@")
    above, _, last = named.rpartition("/")
    name, _, tag = last.partition(":")
    return purl("docker", above, name, tag or ("" if digest else "latest"), path, digest=digest)
