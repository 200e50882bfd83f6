"""Alpine presets: data. Releases from 3.22 on have all three kernels."""

from __future__ import annotations

from .family import Preset

_RELEASE = "3.24"
_SERIAL = {"amd64": "ttyS0", "arm64": "ttyAMA0"}
"""The first serial port of a machine, by OCI architecture."""

_INITTAB = """\
# By Claylinux: OpenRC's runlevels, and where one can log in.
::sysinit:/sbin/openrc sysinit
::sysinit:/sbin/openrc boot
::wait:/sbin/openrc default
{terminals}
::ctrlaltdel:/sbin/reboot
::shutdown:/sbin/openrc shutdown
"""
_SCREEN = "tty1::respawn:/sbin/getty 38400 tty1"
_INTERFACES = """\
# By Claylinux: the first wired interface asks for an address.
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet dhcp
"""
_UDHCPC = """\
# By Claylinux: a resolver that is in the image stays; where there is none, DHCP gives one.
if [ -e /run/udhcpc.resolver ]; then
  :
elif [ -s /etc/resolv.conf ]; then
  RESOLV_CONF=no
else
  : > /run/udhcpc.resolver
fi
"""
_RUNLEVELS = {
    "sysinit": ("devfs", "dmesg", "mdev", "hwdrivers"),
    "boot": ("modules", "sysctl", "hostname", "bootmisc", "syslog", "networking", "hwclock"),
    "default": ("acpid", "ntpd"),
    "shutdown": ("mount-ro", "killprocs", "savecache"),
}


def _files(serial: str, *, serial_login: bool) -> dict[str, str]:
    """Return the files of a machine whose serial port is the main console, or is no more than a second one."""
    consoles = ("tty0", f"{serial},115200") if serial_login else (f"{serial},115200", "tty0")
    terminals = [_SCREEN]
    if serial_login:
        terminals.append(f"{serial}::respawn:/sbin/getty -L 0 {serial} vt100")
    return {
        # Everything that starts later prints to the last one.
        "/boot/cmdline": " ".join(f"console={console}" for console in consoles) + "\n",
        "/etc/inittab": _INITTAB.format(terminals="\n".join(terminals)),
        "/etc/network/interfaces": _INTERFACES,
        "/etc/udhcpc/udhcpc.conf": _UDHCPC,
    }


def _preset(flavor: str, *, serial_login: bool = False) -> Preset:
    return Preset(
        name=f"alpine-{flavor}",
        image="alpine",
        release=_RELEASE,
        family="apk",
        packages=("alpine-base",),
        flavor=flavor,
        kernels={name: f"linux-{name}" for name in ("lts", "stable", "virt")},
        files={architecture: _files(serial, serial_login=serial_login) for architecture, serial in _SERIAL.items()},
        services={name: runlevel for runlevel, names in _RUNLEVELS.items() for name in names},
        yields={"ntpd": ("chronyd", "openntpd")},
        volatile=("/etc/resolv.conf",),  # udhcpc writes it
    )


PRESETS = (_preset("lts"), _preset("stable"), _preset("virt", serial_login=True))
