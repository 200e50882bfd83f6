"""What is below mounts and in directories made at boot, also by way of links."""

from __future__ import annotations

from pathlib import Path

import pytest

from imager.report.hidden import hidden_files, hidden_homes
from imager.rootfs.root import Root

FSTAB = """\
# a comment
tmpfs /home tmpfs defaults 0 0
LABEL=DATA /var/lib/acme/ ext4 nofail 0 2
/srv/a /srv/b none bind 0 0
LABEL=OLD /mnt/old ext4 noauto 0 0
overlay /opt overlay lowerdir=/opt,upperdir=/x,workdir=/y 0 0
LABEL=ROOT / ext4 defaults 0 1
LABEL=SWAP none swap sw 0 0
LABEL=X /with\\040blank ext4 defaults 0 0
"""


@pytest.fixture
def root(tmp_path: Path) -> Root:
    for folder in ("etc", "run", "var/lib/acme", "srv/a", "home/ada"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "var/run").symlink_to("/run")
    (tmp_path / "var/acme").symlink_to("lib/acme")
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr/home").symlink_to("/home")
    (tmp_path / "etc/live.conf").symlink_to("/run/live.conf")
    (tmp_path / "etc/fstab").write_text(FSTAB)
    (tmp_path / "etc/passwd").write_text(
        "root:x:0:0::/root:/bin/sh\nada:x:1:1::/usr/home/ada:/bin/sh\nbob:x:2:2::/srv/bob:/bin/sh\n"
    )
    (tmp_path / "etc/group").write_text("")
    return Root(tmp_path)


@pytest.mark.parametrize(
    ("path", "by"),
    [
        ("/var/run/acme/x.conf", "/run"),
        ("/var/lib/acme/seed.db", "/var/lib/acme"),
        ("/var/acme/deep/seed.db", "/var/lib/acme"),
        ("/var/lib/acme", None),  # the mount point itself
        ("/var/lib/acme2/x", None),
        ("/usr/home/bob", "/home"),
        ("/srv/b/x", "/srv/b"),
        ("/srv/a/x", None),
        ("/mnt/old/x", None),
        ("/opt/x", None),
        ("/etc/motd", None),
        ("/etc/live.conf", None),  # a link that is seen, wherever it leads
        ("/with blank/x", "/with blank"),
    ],
)
def test_files(root: Root, path: str, by: str | None) -> None:
    assert hidden_files(root, [path]) == ({path: by} if by else {})


def test_homes(root: Root) -> None:
    assert hidden_homes(root, ["root", "ada", "bob", "nobody"]) == {"ada": ("/usr/home/ada", "/home")}
