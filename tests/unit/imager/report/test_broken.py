"""Files of the build file that are programs, or start some, and cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.report.broken import broken
from imager.rootfs.root import Root
from tests.support.imager import make_elf

CASES = [
    ("/etc/motd", "hello\r\n", 0o644, None),
    ("/usr/local/bin/notes", "no program\r\n", 0o755, None),
    ("/usr/local/bin/good", "#!/bin/sh\n", 0o755, None),
    ("/usr/local/lib/part.sh", "#!/bin/bash\n", 0o644, None),
    ("/usr/local/bin/crlf", "#!/bin/sh\r\n", 0o755, "has the line ends of Windows"),
    ("/usr/local/bin/bash", "#!/bin/bash\n", 0o755, "is a script for /bin/bash, which is not in the system"),
    ("/usr/local/bin/env", "#!/usr/bin/env python3\n", 0o755, "is a script for python3"),
    ("/usr/local/bin/arm", make_elf(183), 0o755, "is a program for arm64, but the system is for amd64"),
    ("/etc/cron.daily/backup", "#!/bin/sh\n", 0o644, "is not executable"),
    ("/etc/cron.daily/backup.sh", "#!/bin/sh\n", 0o644, None),
    ("/etc/periodic/daily/backup", "#!/bin/ash\n", 0o755, "is a script for /bin/ash"),
    ("/etc/local.d/a.start", "#!/bin/sh\n", 0o644, "is not executable"),
    ("/etc/cron.d/job", "PATH=/a:/b c d e f g /bin/gone\n# x\n* * * * * root /bin/sh -c x\n", 0o644, None),
    ("/etc/cron.d/job", "*/5 1,2 * jan mon root /bin/gone x\n", 0o644, "the program /bin/gone is not in the system"),
    ("/etc/cron.d/job", "@daily root /bin/sh\r\n", 0o644, "which become a part of its commands"),
    ("/etc/crontabs/root", "* * * * *\t/bin/gone\n", 0o644, "the program /bin/gone is not in the system"),
    ("/etc/crontabs/root", "* * * * * cd / && x\n", 0o644, None),
    ("/etc/inittab", "# x\nttyS0::respawn:/bin/sh -l\nca:12345:ctrlaltdel:-/bin/sh\n", 0o644, None),
    ("/etc/inittab", "ttyS0::respawn:/sbin/gettty -L 0 ttyS0\n", 0o644, "the program /sbin/gettty is not in"),
    ("/etc/systemd/system/a.service", "[Service]\nExecStart=/bin/sh\n", 0o644, None),
    ("/etc/systemd/system/a.service", "[Service]\nExecStart=/bin/gone\n", 0o644, "a.service: the program /bin/gone is"),
    ("/etc/init.d/a", "#!/bin/sh\n", 0o644, "/etc/init.d/a is not executable"),
    ("/etc/absent", None, 0, None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "content", "mode", "expected"), CASES)
def test_what_cannot_work(
    tmp_path: Path, path: str, content: str | bytes | None, mode: int, expected: str | None
) -> None:
    put(tmp_path, "/bin/sh", make_elf(), 0o755)
    put(tmp_path, "/usr/bin/env", make_elf(), 0o755)
    if "/systemd/" in path:
        put(tmp_path, "/usr/bin/systemctl", make_elf(), 0o755)
    if content is not None:
        put(tmp_path, path, content.encode() if isinstance(content, str) else content, mode)
    found = broken(Root(tmp_path), [path])
    if expected is None:
        assert found == {}
    else:
        assert expected in found[path]


def put(system: Path, path: str, data: bytes, mode: int) -> None:
    place = system / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data)
    place.chmod(mode)
