"""What the boot waits for, by the lines of fstab."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imager.rootfs import fstab
from imager.rootfs.root import Root

if TYPE_CHECKING:
    from pathlib import Path

OWN = """binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs fusectl hugetlbfs mqueue overlay proc
pstore ramfs securityfs sysfs tmpfs tracefs"""


def waited_for(root: Path, *lines: str) -> list[bool]:
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/fstab").write_text("".join(f"{line}\n" for line in lines))
    return [line.is_waited_for for line in fstab.load(Root(root))]


def test_file_systems_of_the_kernel_need_nothing(tmp_path: Path) -> None:
    kinds = OWN.split()
    assert waited_for(tmp_path, *(f"x /mnt {kind} defaults 0 0" for kind in kinds)) == [False] * len(kinds)
    assert waited_for(tmp_path, *(f"x /mnt {kind} defaults 0 0" for kind in ("ext4", "nfs", "9p"))) == [True] * 3


@pytest.mark.parametrize("options", ["bind", "ro,rbind", "remount", "noauto", "nofail", "x-systemd.automount"])
def test_what_is_not_waited_for(tmp_path: Path, options: str) -> None:
    assert waited_for(tmp_path, f"/dev/vda /mnt ext4 {options}", "/dev/vda /mnt ext4 ro") == [False, True]
