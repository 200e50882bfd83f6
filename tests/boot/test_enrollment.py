"""The life of keys on one machine: enrolled in setup mode, renewed by the running system, the old key revoked.

Keys, medium and variables come from our own tools, systems from builds, and the judge is OVMF.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from localvm import host
from localvm.machine import Drive, Machine
from tests.support.dockerfile import make_small
from tests.support.engine import Engine
from tests.support.secure_boot import fw_vars
from tests.support.vm import boot, debian_package, newest_kernel, require_tool

pytestmark = [pytest.mark.boot, pytest.mark.engine]

HERE = Path(__file__).parent / "enrollment"
TEXT = """\
# syntax=claylinux/frontend
name: {name}
base: {{dockerfile: Dockerfile, target: system}}
kernel: {{modules: {{include: [efivarfs]}}}}
files: {{/sbin/init: {{source: own-init, mode: 0755}}, /bin/writable: {{source: writable, mode: 0755}}{files}}}
secure_boot: {{certificate: {{source: keys/{key}.crt}}, key: {{secret: key}}, enroll: keys}}
outputs: [{outputs}]
"""
DOWN = "\x1b[B"
MENU = r"No keys below\?.*Reboot The System"
OFFER = r"Enroll Secure Boot keys: edge"


def make_context(context: Path, busybox: Path, kernel: Path) -> Path:
    """Return a build context of a small system with two modules, one of them also without its signature."""
    require_tool("gcc")
    make_small(context, busybox, kernel)
    tree = next((debian_package(newest_kernel()) / "lib/modules").iterdir())
    for name in ("kernel/fs/efivarfs/efivarfs.ko", "kernel/fs/binfmt_misc.ko"):
        place = context / "lib/modules" / tree.name / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tree / name, place)
    module = tree / "kernel/fs/efivarfs/efivarfs.ko"
    shutil.copy(module, context / "stripped.ko")
    subprocess.run(["objcopy", "--strip-debug", context / "stripped.ko"], check=True)
    modules = context / "lib/modules" / tree.name
    (modules / "modules.dep").write_text("kernel/fs/efivarfs/efivarfs.ko:\nkernel/fs/binfmt_misc.ko:\n")
    text = (context / "Dockerfile").read_text()
    (context / "Dockerfile").write_text(text.replace("COPY init", "COPY lib /lib\nCOPY stripped.ko /\nCOPY init", 1))
    shutil.copy(HERE / "init", context / "own-init")
    subprocess.run(["gcc", "-static", "-Os", "-o", context / "writable", HERE / "writable.c"], check=True)
    return context


def test_keys_live_from_setup_mode_to_their_revocation(
    engine: Engine, busybox: Path, debian_kernel: Path, tmp_path: Path
) -> None:
    context = make_context(tmp_path / "context", busybox, debian_kernel)

    def keys(*words: str) -> None:
        mount = f"{context}/keys:/keys"
        engine.docker("run", "--rm", "--network=none", "-v", mount, "claylinux/imager", "keys", *words)

    def build(name: str, outputs: str, key: str = "db", files: str = "") -> None:
        (context / "claylinux.yaml").write_text(TEXT.format(name=name, outputs=outputs, key=key, files=files))
        engine.buildx(context, f"--secret=id=key,src={context}/keys/{key}.key", output=tmp_path / "out").check()

    keys("--name", "Acme")
    build("edge", "enroll, ovmf-vars")
    keys("add", "db-2027")
    keys("revoke", "db")
    build("old", "raw", files=", /keys/db-add.auth: {source: keys/db-add.auth}, "
                              "/keys/dbx-add.auth: {source: keys/dbx-add.auth}")  # fmt: skip
    build("new", "raw", "db-2027")
    medium, old, new = (Drive(path=tmp_path / "out" / name) for name in ("edge.enroll.iso", "old.img", "new.img"))

    # Setup mode: firmware as distributions ship it, without keys.
    empty = host.find_firmware().variables
    with boot(Machine(drives=(medium, old, new), variables=empty, reboots=True)) as console:
        console.expect(MENU, 120)
        console.send("\r")  # a stray Enter only shows the menu again
        console.expect(MENU, 60)
        console.expect(OFFER, 60)
        console.send(DOWN * 4 + "\r")
        console.expect(r"successfully enrolled", 60)
        # The medium is not signed, so firmware goes on to the next disk.
        console.expect(r"Access Denied", 60)
        console.expect(r"^stripped.ko=refused\s+damaged.ko=refused\s+efivarfs.ko=loaded\s+others=0", 120)
        console.expect(r"^secure-boot=1\s+lockdown=none \[integrity\]", 60)
        console.expect(r"^db=updated\s+dbx=updated\s+token old 42", 60)
        console.expect(r"Access Denied(?s:.)*Access Denied(?s:.)*^token new 42", 180)
        assert console.wait_off(60) == 0

    # Variables that the build has made: Secure Boot is on from the first start.
    made = tmp_path / "out/edge.vars.fd"
    with boot(Machine(drives=(medium, old), variables=made)) as console:
        console.expect(r"Access Denied", 120)
        console.expect(r"^token old 42", 120)

    # No setup mode, and Secure Boot off: the medium starts, and has nothing to offer.
    off = fw_vars(made, tmp_path / "off.fd", "--set-false", "SecureBootEnable")
    with boot(Machine(drives=(medium,), variables=off)) as console:
        console.expect(MENU, 120)
        console.send(DOWN * 4 + "\r")
        assert console.wait_off(60) == 0  # the last entry of this menu is a reboot
        assert not re.search(OFFER, console.text)
