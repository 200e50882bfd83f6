"""Random trees of strangers through every step of the imager.

Each step runs in a process of its own, with limits. It may do its work, or say in one line why it cannot: nothing else.
What lies outside of the tree stays as it is, and is in no output.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from random import Random

from imager import build_image
from imager.__main__ import main as imager
from imager.core.terminal import printable
from imager.request import Request
from imager.requests.accounts import Users
from imager.requests.files import Directories, Exclude, Links
from imager.requests.files import Tree as Copy
from imager.requests.identity import Identity
from imager.requests.kernel import KernelTree
from imager.requests.mounts import DiskEntries, Mounts, Swap
from imager.requests.network import Network
from imager.requests.packing import Initramfs, Layer, Uki
from imager.requests.region import Keyboard, Locale, TimeZone
from imager.requests.reports import Inspect
from imager.requests.sbom import Sbom
from imager.requests.sealing import Layers, Seal
from imager.requests.services import Services
from spec import keyboard, swap
from spec.accounts import User
from spec.files import CopiedFile, Directory, Symlink
from spec.mounts import MemoryMount
from spec.network import Ethernet
from spec.services import ServiceCommand, ServiceSwitch
from spec.values.types import Owner
from tests.campaigns.running import Tally, main, rounds
from tests.support.hostile_trees import SECRET, VERSION, Tree, remove
from tests.support.imager import EPOCH, make_pe
from tests.support.memory import mapped

SECONDS, MEMORY = 60, 1500 << 20
"""More than any step may take, on a busy machine."""
_CRASHED = 70
_SOURCE = Directory(owner=Owner(user="me", group="sudo"), mode=0o700)


def campaign(seconds: float, seed: int) -> Tally:
    """Run rounds of one tree each."""
    tally = Tally()
    for random in rounds(seconds, seed):
        top = Path(tempfile.mkdtemp(prefix="hostile-"))
        try:
            _round(Tree(top, random), tally)
        finally:
            remove(top)
    return tally


def _round(tree: Tree, tally: Tally) -> None:
    below = tree.top / "below"
    shutil.copytree(tree.system, below, symlinks=True)
    done = tree.spoil(tree.random.randrange(1, 12))
    before = tree.seen_outside()
    for name, argv in _steps(tree, below):
        said = tree.top / "said"
        code = _run(argv, said, tree.top)
        tally.inputs += 1
        tally.outcomes["done" if code == 0 else "refused" if code == 1 else "failed"] += 1
        text = said.read_bytes().decode(errors="surrogateescape")
        wrong = _judge(code, text)
        if tree.seen_outside() != before:
            wrong = "something outside was changed"
        elif wrong is None and code == 0:
            wrong = _leak(tree.top / "out")
        if wrong is not None:
            tally.fail(f"{name}: {wrong}", f"{done}\n{text[-3000:]}")
            return
        shutil.rmtree(tree.top / "out", ignore_errors=True)


def _judge(code: int, text: str) -> str | None:
    """Return what is wrong with the end of a step."""
    if code == _CRASHED:
        return f"traceback: {text.strip().rpartition(chr(10))[2][:80]}"
    if code < 0:
        return f"signal {signal.Signals(-code).name}"
    if code > 1:
        return f"exit {code}"
    errors = [line for line in text.split("\n") if ": error: " in line]
    if (code == 1) != (len(errors) == 1) or any(printable(line) != line for line in text.split("\n")):
        return "no single line"
    return None


def _leak(out: Path) -> str | None:
    found = (place for place in out.rglob("*") if place.is_file() and place.stat().st_size < 1 << 26)
    return "the secret is in an output" if any(SECRET in place.read_bytes() for place in found) else None


def _steps(tree: Tree, below: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the command lines, those that only look first, and the others in random order."""
    system, out, random = str(tree.system), str(tree.top / "out"), tree.random
    init, stub = tree.top / "init", tree.top / "stub"
    init.write_bytes(b"our init")
    stub.write_bytes(make_pe(room=0x1000))
    pack = {"system": system, "epoch": EPOCH, "compression": "none", "output": f"{out}/segment"}
    looks: list[Request] = [
        Inspect(system=system, output=f"{out}/report", module=("net", "nett")),
        Layers(system=system, tree=(str(below), system), output=f"{out}/layers", epoch=EPOCH),
        Sbom(
            system=system, output=f"{out}/sbom", form=random.choice(("spdx", "cyclonedx")), name="x", generator="1",
            stub=str(stub), init=str(init), epoch=EPOCH,
            file={"/srv": CopiedFile(source="."), "/x": CopiedFile(source="etc/passwd")},
            tree=(system, system), origin=("", ""),
        ),
        Initramfs(init=str(init), facts=f"{out}/facts", **pack),  # type: ignore[arg-type]
        Initramfs(init=str(init), below=str(below), **pack),  # type: ignore[arg-type]
        Initramfs(init=str(init), below=system, **{**pack, "system": str(below)}),  # type: ignore[arg-type]
        Uki(
            system=system, kernel_version=VERSION, initrd=(str(init),), cmdline="quiet", stub=str(stub),
            architecture="amd64", output=f"{out}/uki.json", epoch=EPOCH, init=str(init), layers=random.randrange(2),
        ),
    ]  # fmt: skip
    if shutil.which("tar2sqfs"):
        looks.append(Layer(**{**pack, "compression": "zstd:1"}))  # type: ignore[arg-type]
    yield from ((type(request).__name__, list(request.argv())) for request in looks)
    yield "build-image", ["build-image", "--rootfs", "tmpfs", "--compression", "none", "-o", f"{out}/image", system]
    changes = [*_changes(system, out, random), *_more_changes(system, str(below), random)]
    random.shuffle(changes)
    yield from ((type(request).__name__, list(request.argv())) for request in changes)


def _changes(system: str, out: str, random: Random) -> list[Request]:
    patterns = (("net",), ("*a" * 25, "[z-a]", "kernel/"), ())
    return [
        Identity(system=system, name="x", version="1", epoch=EPOCH),
        Users(
            system=system,
            user=(User(name="me", groups=("sudo", "new")), User(name="root", home="/root")),
            epoch=EPOCH,
        ),
        Directories(system=system, directory={"/var/log/app": _SOURCE, "/home/me/x": Directory()}, epoch=EPOCH),
        Links(system=system, link={"/etc/localtime": Symlink(target="../usr"), "/lib/x": Symlink(target="y")}),
        Mounts(system=system, mount=dict.fromkeys(("/var/log", "/srv/x"), MemoryMount(tmpfs=None)), epoch=EPOCH),
        Network(system=system, interface={"eth0": Ethernet(dhcp4=True)}, epoch=EPOCH),
        Services(
            system=system,
            service={"own": ServiceCommand(command=("/usr/bin/tool",)), "other": ServiceSwitch(start=False)},
            lenient=True,
            epoch=EPOCH,
        ),
        KernelTree(
            system=system, output=f"{out}/kernel.json", firmware=random.choice((("auto",), ("n*", "intel-ucode/"), ())),
            include=random.choice(patterns), load=("net",), microcode=("amd", "intel"), epoch=EPOCH,
        ),
    ]  # fmt: skip


def _more_changes(system: str, other: str, random: Random) -> list[Request]:
    layout, place = random.choice(("de", "us")), random.choice(("/srv", "/etc", "/lib/x"))
    patterns = (("/usr/share/",), ("*a*", "/etc/*.d"), ("two*",))
    swaps = (swap.DeviceSwap(device="/dev/vdb"), swap.DeviceSwap(device="LABEL=a", optional=True))
    return [
        TimeZone(system=system, zone=random.choice(("Europe/Berlin", "Berlin", "UTC")), epoch=EPOCH),
        Locale(system=system, name=random.choice(("de_DE.UTF-8", "dd_DE.UTF-8", "C.UTF-8")), epoch=EPOCH),
        Keyboard(
            system=system,
            keyboard=keyboard.Keyboard(layout=layout, variant=random.choice((None, "nodeadkeys"))),
            epoch=EPOCH,
        ),
        Swap(system=system, swap=(*swaps, *random.choice(((), (swap.ZramSwap(zram=1 << 30),)))), epoch=EPOCH),
        DiskEntries(system=system, epoch=EPOCH),
        Exclude(system=system, pattern=random.choice(patterns), epoch=EPOCH),
        Copy(system=system, source=f"{other}/etc", path=place, wanted=_SOURCE, epoch=EPOCH),
        Seal(system=system, keep=("/etc/ssh/ssh_host_rsa_key",), epoch=EPOCH),
    ]  # fmt: skip


def _run(argv: list[str], said: Path, top: Path) -> int:
    """Run a step in a process of its own; return its exit code, negative for a signal."""
    (top / "out").mkdir(exist_ok=True)
    child = os.fork()
    if child == 0:
        os._exit(_child(argv, said))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _child(argv: list[str], said: Path) -> int:
    limit = mapped() + MEMORY  # a process that ran thousands of tests has much
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(SECONDS)
    fd = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    try:
        with open(1, "w", closefd=False) as sys.stdout, open(2, "w", closefd=False) as sys.stderr:
            if argv[0] == "build-image":
                return build_image.main(argv[1:-1], {}, system=argv[-1])
            return imager(argv)
    except BaseException:  # noqa: BLE001 - a traceback is what is looked for
        os.write(2, traceback.format_exc().encode(errors="backslashreplace"))
        return _CRASHED


if __name__ == "__main__":
    sys.exit(main("hostile_trees", campaign, sys.argv[1:]))
