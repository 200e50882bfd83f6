"""Digests of what a system takes from elsewhere: SHA-256 of a file, and of a directory the SWHID.

A SWHID (ISO/IEC 18670) of a directory is the object that git names a tree by: every name, mode, link and byte below it
counts, owners and times do not. Unlike git, it also counts empty directories.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imager.rootfs.root import Root

LIMIT = 4 << 30
"""The most bytes that get a digest: as many as a PE program, which has the whole system, can have.

A file of holes can seem to have far more, and each of its zeros takes as long as another byte. Which bytes are holes
does not count: file systems differ about them, and the same system must give the same document.
"""
_TREE, _LINK, _PROGRAM, _FILE = b"40000", b"120000", b"100755", b"100644"


def of_file(root: Root, path: str, most: int = LIMIT) -> str:
    """Return the SHA-256 in hex digits; nothing for a file of more than `most` bytes, or what is no regular file."""
    with root.opening(path) as fd:
        if fd is None or os.fstat(fd).st_size > most:
            return ""
        with open(fd, "rb", buffering=0, closefd=False) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def of_directory(root: Root, path: str) -> str:
    """Return the SWHID of a directory; nothing if what it has is too large."""
    below = list(root.walk(path))
    if sum(status.st_size for _, status in below) > LIMIT:
        return ""
    trees: dict[str, list[tuple[bytes, bytes, bytes]]] = {"": []}
    trees |= {name: [] for name, status in below if stat.S_ISDIR(status.st_mode)}
    for name, status in below:
        parent, _, own = name.rpartition("/")
        if entry := _entry(root, f"{path}/{name}", status):
            trees[parent].append((os.fsencode(own), *entry))
    # The deepest first: the digest of a directory is part of the one above.
    for name in sorted(trees, key=lambda each: each.count("/") if each else -1, reverse=True):
        digest = _tree(trees[name])
        if not name:
            return f"swh:1:dir:{digest.hex()}"
        parent, _, own = name.rpartition("/")
        trees[parent].append((os.fsencode(own), _TREE, digest))
    raise AssertionError("the top of a directory comes last")


def _entry(root: Root, path: str, status: os.stat_result) -> tuple[bytes, bytes] | None:
    """Return the mode and digest of a file or link; None for what is neither. Directories are added by `_tree`."""
    if stat.S_ISLNK(status.st_mode):
        target = os.fsencode(root.target(path) or "")
        return _LINK, _object(b"blob", target)
    if not stat.S_ISREG(status.st_mode):
        return None
    digest = hashlib.sha1(b"blob %d\0" % status.st_size, usedforsecurity=False)
    with root.opening(path) as fd:
        assert fd is not None, f"{path} was a file"
        while block := os.read(fd, 1 << 20):
            digest.update(block)
    return _PROGRAM if status.st_mode & stat.S_IXUSR else _FILE, digest.digest()


def _tree(entries: list[tuple[bytes, bytes, bytes]]) -> bytes:
    """Return the digest of a directory with these names, modes and digests, in the order of git."""
    ordered = sorted(entries, key=lambda each: each[0] + b"/" if each[1] == _TREE else each[0])
    return _object(b"tree", b"".join(mode + b" " + name + b"\0" + digest for name, mode, digest in ordered))


def _object(kind: bytes, data: bytes) -> bytes:
    return hashlib.sha1(b"%s %d\0" % (kind, len(data)) + data, usedforsecurity=False).digest()
