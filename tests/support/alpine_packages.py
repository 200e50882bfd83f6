"""The packages that are not Alpine's own: a kernel, nginx, and those that exist only to be installed and removed.

The kernel is Alpine's linux-virt under the name of every flavor, as packages of our own; where PyPI does not have it,
it is Debian's. nginx, dropbear, dosfstools and wipefs are Debian's, with the libraries that they need.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from tests.support.alpine_data import MACHINES, installed_system
from tests.support.apk_repository import File, Package, tree
from tests.support.vm import debian_package, newest_kernel

FLAVORS = ("lts", "stable", "virt")
# Of Debian's kernel, what a virtual machine needs.
_MODULES = (
    "drivers/acpi/button.ko",
    "drivers/block/loop.ko",
    "drivers/block/zram/*",
    "drivers/block/virtio_blk.ko",
    "drivers/cdrom/*",
    "drivers/char/virtio_console.ko",
    "drivers/input/evdev.ko",
    "drivers/net/net_failover.ko",
    "drivers/net/virtio_net.ko",
    "drivers/scsi/sr_mod.ko",
    "drivers/virtio/*",
    "fs/fat/*",
    "fs/isofs/*",
    "fs/nls/*",
    "fs/overlayfs/*",
    "fs/squashfs/*",
    "lib/*",
    "mm/zsmalloc.ko",
    "net/core/failover.ko",
)
_LIBRARIES = (
    "libblkid1",
    "libc6",
    "libcrypt1",
    "libgmp10",
    "libpcre2-8-0",
    "libsmartcols1",
    "libssl3",
    "libtomcrypt1",
    "libtommath1",
    "zlib1g",
)
_NGINX_CONF = b"""\
events {}
http { server { listen 80 default_server; location / { root /var/www; } } }
"""
_NGINX_SERVICE = b"""\
#!/sbin/openrc-run
command=/usr/sbin/nginx
pidfile=/run/nginx.pid
depend() {
  need net
}
start_pre() {
  checkpath --directory /var/lib/nginx
}
"""
# Unlike Alpine's own service, it does not let the server make its keys.
_DROPBEAR_SERVICE = b"""\
#!/sbin/openrc-run
command=/usr/sbin/dropbear
command_args="$DROPBEAR_OPTS"
pidfile=/run/dropbear.pid
depend() {
  need net
}
"""


def kernels(architecture: str = "amd64") -> list[Package]:
    """Return a package for every flavor, with dependencies and a script that a build must leave alone."""
    try:
        image, files = _alpine_kernel(architecture)
    except pytest.skip.Exception:
        if architecture != "amd64":
            raise
        image, files = _debian_kernel()
    hooks = {"post-install": "#!/bin/sh\necho this must not run >/claylinux-ran-a-kernel-script\n"}
    depends = ("no-such-initramfs-generator", "no-such-firmware")
    return [
        Package(
            name=f"linux-{flavor}",
            version="6.1.0-r0",
            files={f"boot/vmlinuz-{flavor}": image, **files},
            depends=depends,
            scripts=hooks,
        )
        for flavor in FLAVORS
    ]


@cache
def _alpine_kernel(architecture: str) -> tuple[File, dict[str, File]]:
    system = installed_system(architecture)
    image = File(content=(system / "boot/vmlinuz-virt").read_bytes())
    return image, tree(system / "lib/modules", "lib/modules/")


@cache
def _debian_kernel() -> tuple[File, dict[str, File]]:
    """Its modules are compressed as Alpine's are."""
    folder = debian_package(newest_kernel())
    (image,) = (folder / "boot").glob("vmlinuz-*")
    (modules,) = (folder / "lib/modules").iterdir()
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
    return File(content=image.read_bytes()), files


def applications() -> list[Package]:
    """Return nginx, dropbear, wipefs and microcode."""
    dropbear = {name: _program("dropbear-bin", name) for name in ("usr/sbin/dropbear", "usr/bin/dropbearkey")}
    dropbear |= {
        "etc/dropbear": File(mode=0o755),
        "etc/init.d/dropbear": File(content=_DROPBEAR_SERVICE, mode=0o755),
    }
    wipefs = {"sbin/wipefs": _program("util-linux", "sbin/wipefs")}
    nginx = {"usr/sbin/nginx": _program("nginx", "usr/sbin/nginx")}
    nginx |= {
        "etc/nginx/nginx.conf": File(content=_NGINX_CONF),
        "etc/init.d/nginx": File(content=_NGINX_SERVICE, mode=0o755),
        "var/www/index.html": File(content=b"nginx on Alpine\n"),
        "var/log/nginx": File(mode=0o755),
        "var/lib/nginx": File(mode=0o755),
    }
    account = "#!/bin/sh\nadduser -S -D -H -h /var/lib/nginx -s /sbin/nologin nginx 2>/dev/null\nexit 0\n"
    return [
        Package(name="glibc-stand-in", files=_libraries()),
        Package(
            name="nginx",
            version="1.22.1-r0",
            files=nginx,
            depends=("glibc-stand-in",),
            scripts={"pre-install": account},
        ),
        Package(name="dropbear", version="2022.83-r0", files=dropbear, depends=("glibc-stand-in",)),
        Package(name="wipefs", version="2.38-r0", files=wipefs, depends=("glibc-stand-in",)),
        Package(name="intel-ucode", files={"boot/intel-ucode.img": File(content=b"070701 microcode\n")}),
        Package(name="amd-ucode", files={"boot/amd-ucode.img": File(content=b"070701 microcode\n")}),
    ]


def of_updates(signed: Path) -> list[Package]:
    """Return what the key `update` needs on Alpine 3.23: the command openssl of 3.19, and dosfstools of Debian.

    Alpine's own package of openssl wants the libraries of its release; the command works with those of a later one.
    """
    (openssl,) = (signed / MACHINES["amd64"]).glob("openssl-3*.apk")
    content = io.BytesIO(gzip.decompress(openssl.read_bytes()))
    with tarfile.open(fileobj=content, ignore_zeros=True) as archive:
        member = archive.extractfile("usr/bin/openssl")
        assert member is not None
        command = File(content=member.read(), mode=0o755)
    fat = {f"usr/sbin/{name}": _program("dosfstools", f"sbin/{name}") for name in ("fsck.fat", "mkfs.fat")}
    fat |= {f"usr/sbin/{name}.vfat": File(link=f"{name}.fat") for name in ("fsck", "mkfs")}
    return [
        Package(name="openssl", version="3.5.0-r0", files={"usr/bin/openssl": command}),
        Package(name="dosfstools", version="4.2-r2", files=fat, depends=("glibc-stand-in",)),
    ]


def made_up() -> list[Package]:
    """Return packages that no repository has: one in two versions, one that needs it, and two that are always new."""
    token = os.urandom(16)  # so that no cache of an earlier day has them
    program = {"usr/bin/clay-tool": File(content=b"#!/bin/sh\n", mode=0o755)}
    words = {"usr/share/doc/clay/README": File(content=b"words\n")}
    return [
        Package(name="clay-tool", version="600-r0", files=program),
        Package(name="clay-tool", version="608-r0", files=program),
        Package(name="clay-doc", files=words, depends=("clay-tool",)),
        *(
            Package(name=f"fresh-{name}", files={f"etc/{name}": File(content=token + name.encode())})
            for name in ("one", "two")
        ),
    ]


def _program(package: str, path: str) -> File:
    return File(content=(debian_package(package) / path).read_bytes(), mode=0o755)


def _libraries() -> dict[str, File]:
    """Return every shared library of the packages and the loader, at Debian's paths, which Alpine does not use."""
    found: dict[str, File] = {}
    for package in _LIBRARIES:
        for name, file in tree(debian_package(package)).items():
            kept = name.startswith(("lib/x86_64-linux-gnu/", "lib64/", "usr/lib/x86_64-linux-gnu/"))
            if kept and ".so" in Path(name).name and "/gconv/" not in name:
                found[name] = file
    return found
