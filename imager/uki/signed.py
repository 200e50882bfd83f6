"""What a program that will be signed says to init: which command line is signed, and by whom.

It is the first archive of the initramfs, uncompressed: init has it even if memory does not suffice for the rest. See
init/signed.h and docs/internals/initramfs.md.
"""

from __future__ import annotations

import json
import stat

from imager.archive import cpio
from imager.rootfs import tree
from imager.uki.layout import Signer

_NAME = tree.PRIVATE + b"/signed"


def read_signer(data: bytes) -> Signer:
    """Return what a `Check` of the certificate wrote."""
    return Signer(**json.loads(data))


def archive(signer: Signer, cmdline: str, epoch: int) -> bytes:
    """Return the archive: three texts, each terminated by NUL.

    They are the command line, the line for the console, and the file that the running system finds in /run.
    """
    sentence = f"this image is signed by {signer.subject} (certificate SHA-256 {signer.sha256})"
    record = json.dumps({"schema": 1, "subject": signer.subject, "sha256": signer.sha256}, ensure_ascii=False)
    content = b"".join(text.encode() + b"\0" for text in (cmdline, sentence, f"{record}\n"))
    directory = cpio.header(tree.PRIVATE, ino=1, mode=stat.S_IFDIR | 0o700, mtime=epoch)
    file = cpio.header(_NAME, ino=2, mode=stat.S_IFREG | 0o400, mtime=epoch, size=len(content))
    return directory + file + content + cpio.padding(len(content)) + cpio.TRAILER
