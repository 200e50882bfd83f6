"""One Debian as the initramfs of several kinds of system, for `boot.py`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from assembly import EPOCH, imager, init_program
from system import system

from frontend.distro.systemd import FINISH
from imager.archive import cpio
from imager.initramfs import bootstrap, layer_archive
from imager.requests.packing import Initramfs, Layer
from imager.rootfs.root import Root
from localengine.commands import run
from localengine.host import find_on_host, install_host_packages
from localengine.places import cache_dir
from localengine.say import say

TOKEN = r"^bench-token up=(?P<up>[0-9.]+) used=(?P<used>[0-9]+) failed=(?P<failed>[0-9]+)$"
"""The guest's output when it is up: seconds since the kernel started, KiB of memory in use, failed units."""
BROKEN = "bench-broken"
"""The output of an incomplete system."""

_UNIT = """\
[Unit]
Description=Tell the benchmark that all is up
After=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh /usr/lib/bench/tell
[Install]
WantedBy=multi-user.target
"""
_TELL = """\
read -r up rest </proc/uptime
while read -r key value rest; do
    case $key in MemTotal:) total=$value ;; MemAvailable:) available=$value ;; esac
done </proc/meminfo
failed=$(systemctl --failed --plain --no-legend | wc -l)
echo "bench-token up=$up used=$((total - available)) failed=$failed" >/dev/ttyS0
"""
_CLASSIC_INIT = f"""\
#!/busybox sh
# The classic /init: copy the unpacked system to a tmpfs of its own, and go on there.
b=/busybox
fail() {{
    echo "{BROKEN}: $*"
    exec $b poweroff -f
}}
$b mkdir -p /dev /newroot
$b mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
$b mount -t tmpfs -o mode=0755 tmpfs /newroot || fail mount
for path in /*; do
    case $path in /busybox | /dev | /init | /newroot) continue ;; esac
    $b cp -a "$path" /newroot/ || fail copy
done
$b mkdir -p /newroot/dev
$b mount -o move /dev /newroot/dev
exec $b switch_root /newroot /sbin/init
fail switch_root
"""
_PACK_CLASSIC = """\
set -eu
tree=$1 own=$2
{
    cd "$tree"
    find . -path ./boot -prune -o \\( -path './dev/*' -o -path './proc/*' -o -path './run/*' -o -path './sys/*' \\
        -o -path './tmp/*' \\) -prune -o -print0 | cpio --null --create --format=newc --quiet
    cd "$own"
    find . -print0 | cpio --null --create --format=newc --quiet
} | pigz -9
"""
"""Same as in classic.sh: no /boot, and only the mount points of file systems that are mounted at run time."""


@dataclass(frozen=True)
class Way:
    """A way to get the system into memory: its initramfs, and its words on the kernel command line."""

    name: str
    initrd: Path
    append: str = ""


@dataclass(frozen=True)
class Guest:
    """A kernel, and the ways to boot the system with it, the classic one first."""

    kernel: Path
    ways: tuple[Way, ...]


def guest(work: Path, compression: str) -> Guest:
    """Create all archives in the directory `work`; `compression` is that of the layers.

    The classic system is the unchanged output of mmdebstrap. Ours are in the state after the frontend's package steps,
    except the one without marks: it separates the effect of the packing from that of less work at boot.
    """
    tree = work / "system"
    run(["cp", "-a", str(system()), str(tree)], "cannot copy the system")
    add_unit(tree)
    (kernel,) = (tree / "boot").glob("vmlinuz-*")
    version = kernel.name.removeprefix("vmlinuz-")
    init = str(init_program())

    def overlay(name: str) -> Path:
        layer, whole = work / f"{name}.layer", work / f"{name}.initrd"
        imager(Layer(system=str(tree), output=str(layer), compression=compression, epoch=EPOCH))
        join(bootstrap.archive(Root(tree), version, Path(init), 1, EPOCH), layer, whole)
        layer.unlink()
        return whole

    classic, tmpfs = work / "classic.initrd", work / "tmpfs.initrd"
    say("packing the system: classic, overlay without marks")
    pack_classic(tree, classic)
    unmarked = overlay("unmarked")
    say("packing the system: tmpfs, overlay")
    run(
        ["chroot", str(tree), "sh", "-euc", f"{FINISH}[ -e /etc/.updated ]"],
        "cannot make the system like package steps do",
    )
    imager(Initramfs(system=str(tree), init=init, output=str(tmpfs), compression="zstd:3", epoch=EPOCH))
    as_ramfs = "rootfstype=ramfs"  # same as in `imager uki`
    ways = (
        Way("classic", classic),
        Way("ours, tmpfs", tmpfs),
        Way("ours, overlay", overlay("overlay"), as_ramfs),
        Way("ours, overlay, no marks", unmarked, as_ramfs),
    )
    return Guest(kernel, ways)


def add_unit(tree: Path) -> None:
    """Make the system report when it has reached multi-user.target."""
    units, name = tree / "etc/systemd/system", "bench-token.service"
    (tree / "usr/lib/bench").mkdir()
    (tree / "usr/lib/bench/tell").write_text(_TELL)
    (units / name).write_text(_UNIT)
    (units / "multi-user.target.wants" / name).symlink_to(f"../{name}")


def pack_classic(tree: Path, output: Path) -> None:
    """Pack with find, cpio and pigz, and with a shell script as /init."""
    install_host_packages([name for name in ("cpio", "pigz") if not find_on_host(name)])
    with tempfile.TemporaryDirectory(dir=output.parent) as directory, output.open("wb") as archive:
        own = Path(directory)
        shutil.copy(busybox(), own / "busybox")
        (own / "init").write_text(_CLASSIC_INIT)
        (own / "init").chmod(0o755)
        subprocess.run(["sh", "-c", _PACK_CLASSIC, "sh", str(tree), str(own)], stdout=archive, check=True)


def busybox() -> Path:
    """Return Debian's static busybox, from the host's own mirror."""
    program = cache_dir() / "bench" / "busybox"
    if program.exists():
        return program
    with tempfile.TemporaryDirectory(prefix="claylinux-bench-") as directory:
        hint = "cannot download busybox-static"
        run(["sh", "-c", 'cd "$1" && apt-get download busybox-static', "sh", directory], hint)
        (package,) = Path(directory).glob("*.deb")
        run(["dpkg-deb", "-x", str(package), directory], hint)
        (found,) = (path for path in Path(directory).glob("**/bin/busybox") if not path.is_symlink())
        program.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(found, program)
    return program


def join(start: bytes, layer: Path, output: Path) -> None:
    """Write our init and its modules with the layer after them, like a UKI."""
    with output.open("wb") as whole, layer.open("rb") as part:
        whole.write(start + cpio.padding(len(start)) + layer_archive.head(layer, 0, EPOCH))
        shutil.copyfileobj(part, whole)
