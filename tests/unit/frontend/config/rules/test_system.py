"""Rules between values of a system: what no single value can be wrong about."""

from __future__ import annotations

import pytest

from frontend.config import ConfigError, load


@pytest.mark.parametrize(
    "point",
    ["/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/sbin"],
)
def test_nothing_empty_hides_what_every_system_needs(point: str) -> None:
    with pytest.raises(ConfigError, match=f"3:3: this would hide {point}, which the system needs"):
        load(f"base: debian\nmounts:\n  {point}: {{tmpfs: true}}\n".encode(), "f")
    load(f"base: debian\nmounts:\n  {point}/more: {{tmpfs: true}}\n".encode(), "f")


@pytest.mark.parametrize(
    ("fstype", "most"), [("exfat", 11), ("ext2", 16), ("ext3", 16), ("ext4", 16), ("vfat", 11), ("xfs", 12)]
)
def test_labels_are_as_long_as_mkfs_takes_them(fstype: str, most: int) -> None:
    def mount(length: int) -> None:
        load(f"base: debian\nmounts: {{/srv: {{device: LABEL={'A' * length}, fstype: {fstype}}}}}\n".encode(), "f")

    mount(most)
    with pytest.raises(ConfigError, match=f"a label of {fstype} must be at most {most} bytes long"):
        mount(most + 1)


def test_each_cycle_is_told_once() -> None:
    """Also where another interface leads into it."""
    vlans = "".join(f"    v{number}: {{id: {number}, link: v{link}}}\n" for number, link in ((1, 2), (2, 2), (3, 2)))
    with pytest.raises(ConfigError) as caught:
        load(f"base: debian\nnetwork:\n  vlans:\n{vlans}".encode(), "f")
    (told,) = caught.value.diagnostics
    assert "interface cycle `v2` -> `v2`: an interface cannot contain itself" in told.message
