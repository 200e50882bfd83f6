"""Stand-ins for Alpine's packages when its mirror is not reachable: real programs from Debian in Alpine's places.

busybox, musl and apk are Alpine's own. OpenRC, the kernel and nginx come from Debian, with the libraries they need.
Debian does not ship OpenRC's services, so they are short ones of our own with the names of Alpine's.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import tempfile
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from tests.support.apk_repository import File, Package, tree
from tests.support.engine import unavailable
from tests.support.vm import require_tool

_LIBRARIES = (
    "libc6",
    "libaudit1",
    "libcap-ng0",
    "libcrypt1",
    "libeinfo1",
    "libpam0g",
    "libpcre2-8-0",
    "librc1",
    "libselinux1",
    "libssl3",
    "zlib1g",
)
_FLAVORS = ("lts", "stable", "virt")
# The modules for a virtual machine; the real package has many more.
_MODULES = (
    "drivers/acpi/button.ko",
    "drivers/block/loop.ko",
    "drivers/block/virtio_blk.ko",
    "drivers/cdrom/*",
    "drivers/char/virtio_console.ko",
    "drivers/net/net_failover.ko",
    "drivers/net/virtio_net.ko",
    "drivers/scsi/sr_mod.ko",
    "drivers/virtio/*",
    "fs/erofs/*",
    "fs/fat/*",
    "fs/isofs/*",
    "fs/nls/*",
    "fs/overlayfs/*",
    "fs/squashfs/*",
    "lib/*",
    "net/core/failover.ko",
)
_SERVICES = {
    # name: (its dependencies, its start command, its stop command)
    "devfs": ("", "mkdir -p /dev/pts /dev/shm; mountpoint -q /dev/pts || mount -t devpts devpts /dev/pts", ":"),
    "dmesg": ("", "dmesg -n 4", ":"),
    "sysfs": ("", "mountpoint -q /sys || mount -t sysfs sysfs /sys", ":"),
    "mdev": ("need devfs sysfs", "mdev -s", ":"),
    "hwdrivers": (
        "need mdev",
        # Twice, because the devices of a bus only appear after its driver has loaded.
        "for i in 1 2; do find /sys -name modalias -type f -exec cat {} + | sort -u | xargs modprobe -b -a; done "
        "2>/dev/null; true",
        ":",
    ),
    "modules": ("", "sed 's/#.*//' /etc/modules /etc/modules-load.d/*.conf 2>/dev/null | xargs modprobe -a; true", ":"),
    "sysctl": (
        "",
        "for f in /lib/sysctl.d/*.conf /etc/sysctl.d/*.conf /etc/sysctl.conf; do "
        "[ ! -f $f ] || sysctl -q -p $f; done; true",
        ":",
    ),
    "hostname": ("", "hostname -F /etc/hostname", ":"),
    "bootmisc": ("need hostname", "mkdir -p /run/lock /var/run; : > /run/utmp", ":"),
    "syslog": ("need bootmisc", "syslogd", "pkill syslogd"),
    "networking": ("need hostname\n  provide net", "ifup -a", "ifdown -a"),
    "hwclock": ("", "hwclock -s -u", ":"),
    "acpid": ("", "acpid", "pkill acpid"),
    "ntpd": ("need net", "ntpd -p pool.invalid", "pkill ntpd"),
    "mount-ro": ("", "sync", ":"),
    "killprocs": ("", "killall5 -15", ":"),
    "savecache": ("", ":", ":"),
    "crond": ("", "crond", "pkill crond"),
}
_BY_PACKAGE = {
    "busybox-openrc": ("syslog", "acpid", "ntpd", "crond"),
    "busybox-mdev-openrc": ("mdev",),
}
_NGINX_CONF = b"""\
events {}
http { server { listen 80 default_server; location / { root /var/www; } } }
"""


def packages() -> list[Package]:
    """Return all stand-ins."""
    return [*_openrc(), *map(_kernel, _FLAVORS), *_applications()]


def _openrc() -> list[Package]:
    elsewhere = {name for names in _BY_PACKAGE.values() for name in names}
    programs = {
        name: file
        for name, file in tree(_debian("openrc")).items()
        if name.startswith(("bin/", "sbin/", "lib/rc/", "etc/rc.conf", "usr/lib/", "usr/bin"))
    }
    # Debian's OpenRC starts services with the program of dpkg, so this adapts its scripts.
    programs["sbin/start-stop-daemon"] = tree(_debian("dpkg"))["sbin/start-stop-daemon"]
    scripts = {f"etc/init.d/{name}": _service(name) for name in sorted(_SERVICES) if name not in elsewhere}
    levels = {f"etc/runlevels/{name}": File(mode=0o755) for name in ("boot", "default", "shutdown", "sysinit")}
    # Debian's OpenRC reads this file at every step, and complains if it is missing.
    levels |= {"etc/insserv.conf": File(content=b""), "etc/insserv.conf.d": File(mode=0o755)}
    return [
        Package(name="glibc-stand-in", files=_libraries()),
        Package(
            name="openrc",
            version="0.45.2-r0",
            files={**programs, **scripts, **levels},
            depends=("glibc-stand-in",),
        ),
        *(
            Package(name=package, files={f"etc/init.d/{name}": _service(name) for name in names}, depends=("openrc",))
            for package, names in _BY_PACKAGE.items()
        ),
        Package(name="alpine-base", version="3.20.3-r0", depends=("busybox", "openrc", *_BY_PACKAGE)),
    ]


def _service(name: str) -> File:
    depend, start, stop = _SERVICES[name]
    text = f"""\
#!/sbin/openrc-run
depend() {{
  {depend or ":"}
}}
start() {{
  ebegin "Starting {name}"
  {start}
  eend $?
}}
stop() {{
  ebegin "Stopping {name}"
  {stop}
  eend $?
}}
"""
    return File(content=text.encode(), mode=0o755)


def _kernel(flavor: str) -> Package:
    """Return a kernel with modules compressed like Alpine's, and dependencies and a script that builds must ignore."""
    directory = _debian(_newest_kernel())
    (image,) = (directory / "boot").glob("vmlinuz-*")
    files = {
        f"boot/vmlinuz-{flavor}": File(content=image.read_bytes()),
        f"boot/config-{flavor}": File(content=b"# a stand-in\n"),
        **_modules(directory),
    }
    hooks = {"post-install": "#!/bin/sh\necho this must not run >/claylinux-ran-a-kernel-script\n"}
    depends = ("no-such-initramfs-generator", "no-such-firmware")
    return Package(name=f"linux-{flavor}", version="6.1.0-r0", files=files, depends=depends, scripts=hooks)


@cache
def _modules(directory: Path) -> dict[str, File]:
    (modules,) = (directory / "lib/modules").iterdir()
    place = f"lib/modules/{modules.name}"
    files = {}
    for path in sorted((modules / "kernel").rglob("*.ko")):
        name = str(path.relative_to(modules / "kernel"))
        if any(fnmatch(name, pattern) for pattern in _MODULES):
            files[f"{place}/kernel/{name}.gz"] = File(content=gzip.compress(path.read_bytes(), 6, mtime=0))
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        text = (modules / name).read_bytes()
        if name == "modules.order":
            text = text.replace(b".ko\n", b".ko.gz\n")
        files[f"{place}/{name}"] = File(content=text)
    return files


def _applications() -> list[Package]:
    nginx = {"usr/sbin/nginx": File(content=(_debian("nginx") / "usr/sbin/nginx").read_bytes(), mode=0o755)}
    service = """\
#!/sbin/openrc-run
depend() {
  need net
}
command=/usr/sbin/nginx
pidfile=/run/nginx.pid
start() {
  ebegin "Starting nginx"
  mkdir -p /var/lib/nginx
  nginx
  eend $?
}
stop() {
  nginx -s stop
}
"""
    nginx |= {
        "etc/nginx/nginx.conf": File(content=_NGINX_CONF),
        "etc/init.d/nginx": File(content=service.encode(), mode=0o755),
        "var/www/index.html": File(content=b"nginx on Alpine\n"),
        "var/log/nginx": File(mode=0o755),
        "var/lib/nginx": File(mode=0o755),
    }
    token = os.urandom(16)  # so that no old cache contains them
    account = "#!/bin/sh\nadduser -S -D -H -h /var/lib/nginx -s /sbin/nologin nginx 2>/dev/null\nexit 0\n"
    return [
        Package(
            name="nginx",
            version="1.22.1-r0",
            files=nginx,
            depends=("glibc-stand-in",),
            scripts={"pre-install": account},
        ),
        Package(name="less", version="600-r0", files={"usr/bin/less2": File(content=b"#!/bin/sh\n", mode=0o755)}),
        Package(name="less", version="608-r0", files={"usr/bin/less2": File(content=b"#!/bin/sh\n", mode=0o755)}),
        *(
            Package(name=f"fresh-{name}", files={f"etc/{name}": File(content=token + name.encode())})
            for name in ("one", "two")
        ),
        Package(name="tree-doc", files={"usr/share/doc/tree/README": File(content=b"words\n")}, depends=("less",)),
        Package(name="intel-ucode", files={"boot/intel-ucode.img": File(content=b"070701 microcode\n")}),
        Package(name="amd-ucode", files={"boot/amd-ucode.img": File(content=b"070701 microcode\n")}),
    ]


def _libraries() -> dict[str, File]:
    """Return every shared library of the packages and the loader, at Debian's paths, which Alpine does not use."""
    found: dict[str, File] = {}
    for package in _LIBRARIES:
        for name, file in tree(_debian(package)).items():
            kept = name.startswith(("lib/x86_64-linux-gnu/", "lib64/", "usr/lib/x86_64-linux-gnu/"))
            if kept and ".so" in Path(name).name and "/gconv/" not in name:
                found[name] = file
    return found


def _newest_kernel() -> str:
    newest = _run("apt-cache", "depends", "--important", "linux-image-cloud-amd64")
    names = [line.split()[-1] for line in newest.splitlines() if "Depends: linux-image-" in line]
    if not names:
        unavailable("apt does not know linux-image-cloud-amd64: run apt-get update")
    return names[0]


def _debian(package: str) -> Path:
    """Return the unpacked Debian package, from the cache or from the host's own mirror."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "claylinux" / "test-packages"
    directory = home / package
    if not directory.exists():
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home) as scratch:
            _run("apt-get", "download", package, cwd=Path(scratch))
            (archive,) = Path(scratch).glob("*.deb")
            _run("dpkg-deb", "--extract", str(archive), str(Path(scratch) / "tree"))
            # Another session may have been faster.
            if not directory.exists():
                shutil.move(Path(scratch) / "tree", directory)
    return directory


def _run(*argv: str, cwd: Path | None = None) -> str:
    require_tool(argv[0])
    done = subprocess.run(
        argv, cwd=cwd, text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False
    )
    if done.returncode != 0:
        unavailable(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout
