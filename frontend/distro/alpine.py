"""Alpine presets: data."""

from __future__ import annotations

from spec.presets import DISTRIBUTIONS, PresetRow

from .family import Preset

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
    """Return the files of a machine. `serial_login`: its serial port is the main console, not just a second one."""
    consoles = ("tty0", f"{serial},115200") if serial_login else (f"{serial},115200", "tty0")
    terminals = [_SCREEN]
    if serial_login:
        terminals.append(f"{serial}::respawn:/sbin/getty -L 0 {serial} vt100")
    return {
        # The last console is the main one: services print to it.
        "/boot/cmdline": " ".join(f"console={console}" for console in consoles) + "\n",
        "/etc/inittab": _INITTAB.format(terminals="\n".join(terminals)),
        "/etc/network/interfaces": _INTERFACES,
        "/etc/udhcpc/udhcpc.conf": _UDHCPC,
    }


def preset(name: str, row: PresetRow) -> Preset:
    """Return the preset that a row describes."""
    distribution = DISTRIBUTIONS[row.distribution]
    serials = _SERIAL.items()
    return Preset(
        name=name,
        image=row.distribution,
        release=distribution.release,
        family=distribution.family,
        packages=("alpine-base",),
        flavor=row.flavor,
        kernels={flavor: f"linux-{flavor}" for flavor in distribution.flavors},
        files={architecture: _files(serial, serial_login=row.serial_login) for architecture, serial in serials},
        services={service: runlevel for runlevel, services in _RUNLEVELS.items() for service in services},
        yields={"ntpd": ("chronyd", "openntpd")},
        volatile=("/etc/resolv.conf",),  # udhcpc writes it
        needed_by={
            "timezone": ("tzdata",),
            "keyboard": ("kbd-bkeymaps",),
            "state": ("e2fsprogs", "e2fsprogs-extra", "sfdisk"),
            "install": ("sfdisk",),
            "state.encrypt": ("cryptsetup",),
            "update": ("ca-certificates", "curl", "dosfstools", "openssl", "sfdisk"),
        },
    )
