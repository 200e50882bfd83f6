"""A Dockerfile's system with files of every kind and mounts of run steps, as the booted guest sees them."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest

from localvm.machine import Machine
from tests.support.dockerfile import TOLD
from tests.support.engine import Engine
from tests.support.vm import boot
from tests.support.web import TOKEN, Server

pytestmark = [pytest.mark.boot, pytest.mark.engine]

SECRET = "s3cret\n"
TELL = """\
#!/bin/sh
for path in $(find /srv ! -type d | sort); do
  set -- $(sha256sum $path)
  echo "found $path $(stat -c '%a %u:%g' $path) $1"
done
echo "left=$(ls -d /tools /scratch /cache /run/secrets 2>/dev/null | wc -l)"
exec /sbin/small-init
"""
BUILD_FILE = """\
# syntax=claylinux/frontend
base: {{dockerfile: Dockerfile, target: system}}
files:
  /sbin/small-init: {{source: init, mode: "0755"}}
  /sbin/init: {{source: tell, mode: "0755"}}
  /srv/inline: {{content: "inline\\n", mode: "0600", owner: "5:6"}}
  /srv/folder: {{source: tree, owner: "7"}}
  /srv/context: {{context: other, source: file, mode: "0440"}}
  /srv/image: {{image: debian:trixie, source: etc/debian_version, owner: "1:2"}}
  /srv/url: {{url: {url}/tool, checksum: sha256:{checksum}, mode: "4755"}}
  /srv/unpacked: {{url: {url}/pack.tgz, unpack: true}}
  /srv/git: {{git: {url}/git/site.git#v1:public, source: page}}
run:
  - script: |
      cp /tools/one /srv/bind; cp /other/file /srv/bind-other; cp /run/secrets/key /srv/secret
      echo a > /scratch/a; echo b > /cache/b; cat /scratch/a /cache/b > /srv/made
    mounts:
      - source=tree,target=/tools
      - from=other,target=/other
      - type=secret,id=key,required
      - type=tmpfs,target=/scratch
      - type=cache,target=/cache
outputs: [efi]
"""
FILES = {
    "/srv/inline": ("600 5:6", "inline\n"),
    "/srv/folder/one": ("644 7:7", "one\n"),
    "/srv/context": ("440 0:0", "other\n"),
    "/srv/url": ("4755 0:0", "#!/bin/sh\necho tool\n"),
    "/srv/unpacked/pack/run.sh": ("755 0:0", "pack"),
    "/srv/git": ("644 0:0", "one"),
    "/srv/bind": ("644 0:0", "one\n"),
    "/srv/bind-other": ("644 0:0", "other\n"),
    "/srv/secret": ("400 0:0", SECRET),
    "/srv/made": ("644 0:0", "a\nb\n"),
}
"""Permission bits, owner and content of every file."""


def test_the_guest_has_all_of_it(engine: Engine, small: Path, web: Server, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(small, project)
    contents = {"project/tell": TELL, "project/tree/one": "one\n", "other/file": "other\n", "key": SECRET, "t": TOKEN}
    for name, text in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    text = BUILD_FILE.format(url=web.url, checksum=sha256(FILES["/srv/url"][1]))
    (project / "claylinux.yaml").write_text(text)
    secrets = (f"--secret=id=key,src={tmp_path}/key", f"--secret=id=GIT_AUTH_TOKEN,src={tmp_path}/t")
    engine.buildx(project, f"--build-context=other={tmp_path}/other", *secrets, output=tmp_path / "out").check()
    machine = Machine(kernel=tmp_path / "out/claylinux.efi", memory_mib=512)
    with boot(machine) as console:
        end = console.expect(r"^token 42$", 120).start()
        said = console.text[:end]
        assert console.wait_off(30) == 0
    found = dict(re.findall(r"^found (\S+) (.*?)\r?$", said, re.MULTILINE))
    assert found.pop("/srv/image").startswith("644 1:2 "), "the Debian release comes from the image itself"
    assert found == {path: f"{state} {sha256(content)}" for path, (state, content) in FILES.items()}
    told = dict(re.findall(r"^(\w+)=(.*?)\r?$", said, re.MULTILINE))
    # The `.target` files and /boot/cmdline of a Dockerfile also work in this base.
    assert told == {**TOLD, "left": "0"}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
