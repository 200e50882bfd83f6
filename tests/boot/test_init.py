"""PID 1 in a real machine: small systems, booted without firmware, print their findings on the console."""

from __future__ import annotations

import os
import re
import struct

import pytest

from imager.archive import cpio
from imager.uki import signed
from imager.uki.layout import Signer
from localvm.errors import ConsoleError
from tests.support.engine import unavailable
from tests.support.guest import Builder
from tests.support.vm import boot, said

pytestmark = pytest.mark.boot

BOOT_SECONDS = 90.0
# cap_net_bind_service=ep, in the form of linux/capability.h, VFS_CAP_REVISION_2.
CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
POWER_OFF = "exec busybox poweroff -f\n"
OWN_INIT = "#!/bin/sh\necho own init: $((6*7)) $$\n" + POWER_OFF
CHECKS = """\
#!/bin/sh
ARGUMENTS=$*
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
check() { name=$1; shift; echo "check $name=$(eval "$@" 2>&1)"; }
check kernel 'uname -r'
check pid 'echo $$'
check arguments 'echo "$ARGUMENTS"'
check environment 'echo "$COLOUR"'
check console 'for fd in 0 1 2; do readlink /proc/1/fd/$fd; done | xargs'
check pivot 'probe pivot'
check capability 'probe xattr /bin/busybox security.capability'
check user 'probe xattr /etc/thing user.colour'
check top 'echo /.[!.]* /*'
check init 'cat /init'
check dev 'grep " /dev " /proc/mounts | cut -d" " -f3'
check mounts 'cut -d" " -f2 /proc/mounts | sort | xargs'
check writable 'echo yes > /etc/new && cat /etc/new'
check run 'ls -A /run | wc -l'
echo "token $((6*7))"
exec busybox poweroff -f
"""


def segment(path: bytes, data: bytes) -> bytes:
    """Return an archive with one file."""
    header = cpio.header(path, ino=1, mode=0o100600, size=len(data))
    return header + data + cpio.padding(len(data)) + cpio.TRAILER


def record(path: str, name: str, value: bytes) -> bytes:
    """Return one attribute in the format of docs/internals/initramfs.md."""
    return path.encode() + b"\0" + name.encode() + b"\0" + struct.pack("<I", len(value)) + value


def elf(machine: int = 62, loader: bytes = b"") -> bytes:
    """Return the smallest program file that the kernel inspects: elf(5), optionally with a PT_INTERP."""
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, 0x400078, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    return header + struct.pack("<IIQQQQQQ", 3, 4, 120, 0x400078, 0x400078, len(loader), len(loader), 1) + loader


def test_the_system_gets_a_finished_root(builder: Builder) -> None:
    """Everything that an OS may rely on, in one boot."""
    files: dict[str, str | bytes] = {"sbin/init": CHECKS, "init": "of the system\n", "etc/thing": "x"}
    system = builder.system(files)
    try:
        os.setxattr(system / "bin/busybox", "security.capability", CAPABILITY)
        os.setxattr(system / "etc/thing", "user.colour", b"red")
    except OSError as error:
        unavailable(f"cannot set extended attributes in {system}: {error}")
    with boot(builder.machine("COLOUR=green one -- init=/nope")) as console:
        assert console.wait_off(BOOT_SECONDS) == 0
        text = console.text
    assert "token 42\n" in text, text
    checks = dict(re.findall(r"^check (\w+)=(.*)$", text, re.MULTILINE))
    if [int(part) for part in checks.pop("kernel").split(".")[:2]] >= [6, 6]:
        assert checks.pop("user") == b"red".hex()
        assert said(text) == []
    else:
        assert checks.pop("user") == "user.colour: Operation not supported"
        assert [line.split(" (")[0] for line in said(text)] == ["the kernel cannot store user attributes in memory"]
    assert checks == {
        "pid": "1",
        "arguments": "one init=/nope",
        "environment": "green",
        "console": "/dev/console /dev/console /dev/console",
        "pivot": "pivoted",
        "capability": CAPABILITY.hex(),
        # The kernel itself creates /root.
        "top": "/.[!.]* /bin /dev /etc /init /mnt /opt /proc /root /run /sbin /sys /tmp",
        "init": "of the system",
        "dev": "devtmpfs",
        "mounts": "/ /dev /proc /sys",
        "writable": "yes",
        "run": "0",
    }


def test_a_ramfs_holds_no_attributes(builder: Builder) -> None:
    """A single message says so; the system still starts, with the init from the command line."""
    builder.system({"opt/own": OWN_INIT, "sbin/init": "#!/bin/sh\necho wrong\n"})
    listed = record("/bin/busybox", "security.capability", CAPABILITY) * 2 + record("/nowhere", "user.a", b"1")
    damaged_list = segment(b".claylinux/xattrs", listed + b"/bin/bus")
    with boot(builder.machine("rootfstype=ramfs init=/opt/own", more=damaged_list)) as console:
        assert console.wait_off(BOOT_SECONDS) == 0
        text = console.text
    assert "own init: 42 1\n" in text, text
    capability, missing, damaged = said(text)
    assert capability.startswith("the root file system cannot store security.capability (of /bin/busybox)")
    assert "remove rootfstype=ramfs if it is on the command line" in capability
    assert missing == "cannot set user.a of /nowhere: No such file or directory"
    assert damaged == "the list of extended attributes is damaged: some files lack their capabilities"


def test_a_list_cut_short_is_used_as_far_as_it_goes(builder: Builder) -> None:
    """The first attribute has the largest value that Linux supports. A real init runs: a link to busybox."""
    script = "#!/bin/sh\necho length: $(probe xattr /etc trusted.big | wc -c), parent $PPID\n" + POWER_OFF
    system = builder.system({"etc/inittab": "::sysinit:/opt/script\n", "opt/script": script})
    (system / "sbin/init").symlink_to("/bin/busybox")
    listed = record("/etc", "trusted.big", b"x" * 65536) + record("/bin", "trusted.cut", b"12")[:-1]
    with boot(builder.machine(more=segment(b".claylinux/xattrs", listed))) as console:
        assert console.wait_off(BOOT_SECONDS) == 0
        text = console.text
    assert f"length: {2 * 65536 + 1}, parent 1\n" in text, text
    assert said(text) == ["the list of extended attributes is truncated: some files lack their capabilities"]


def test_no_init_leaves_the_reason_readable(builder: Builder) -> None:
    builder.system({})
    with boot(builder.machine()) as console:
        console.expect("claylinux: the system has no init, neither /sbin/init nor systemd", BOOT_SECONDS)
        console.expect("claylinux: stopped here", BOOT_SECONDS)
        with pytest.raises(ConsoleError, match="still on"):
            console.wait_off(1.0)
        assert "panic" not in console.text


def test_too_little_memory_is_said(builder: Builder) -> None:
    """The root may use half of the memory. The system's init already exists, but must not run half a system."""
    system = builder.system({"sbin/init": OWN_INIT})
    (system / "sbin/later").write_bytes(b"x" * (256 << 20))  # a hole would need no memory
    with boot(builder.machine()) as console:
        console.expect("Initramfs unpacking failed: write error", BOOT_SECONDS)
        console.expect(
            "claylinux: the kernel did not unpack the whole system, usually because of too little memory", BOOT_SECONDS
        )
        console.expect("claylinux: stopped here", BOOT_SECONDS)
        assert "panic" not in console.text


def test_a_mount_that_fails_is_named(builder: Builder) -> None:
    builder.system({"sbin/init": OWN_INIT})
    with boot(builder.machine(more=segment(b"proc", b""))) as console:
        console.expect("claylinux: cannot mount proc on /proc: Not a directory", BOOT_SECONDS)
        console.expect("claylinux: stopped here", BOOT_SECONDS)


@pytest.mark.parametrize(
    ("content", "action", "reason"),
    [
        ("#!/bin/nope\n", "poweroff", "the system lacks its interpreter or program loader"),
        (elf(machine=183), "reboot", "it is not a program for this machine's processor"),
    ],
    ids=["no-interpreter", "other-processor"],
)
def test_an_init_that_cannot_run_ends_the_machine_on_wish(
    builder: Builder, content: str | bytes, action: str, reason: str
) -> None:
    builder.system({"sbin/init": content})
    with boot(builder.machine(f"claylinux.on_failure={action}")) as console:
        assert console.wait_off(BOOT_SECONDS) == 0
        (line,) = said(console.text)
    assert line == f"cannot run /sbin/init: {reason}"


def test_a_shell_on_wish(builder: Builder) -> None:
    """A dynamic program without its loader, and somebody who wants to find out why."""
    builder.system({"opt/dynamic": elf(loader=b"/lib64/no-loader.so\0")})
    with boot(builder.machine("init=/opt/dynamic claylinux.on_failure=shell")) as console:
        console.expect(
            "claylinux: cannot run /opt/dynamic: the system lacks its interpreter or program loader", BOOT_SECONDS
        )
        console.expect("claylinux: starting /bin/sh because of claylinux.on_failure=shell", BOOT_SECONDS)
        console.send("echo shell: $((6*7))\n")
        console.expect("^shell: 42$", BOOT_SECONDS)
        console.send("exec busybox poweroff -f\n")
        assert console.wait_off(BOOT_SECONDS) == 0


def test_a_wish_that_is_not_there(builder: Builder) -> None:
    """Nothing else starts instead."""
    builder.system({"sbin/init": OWN_INIT})
    with boot(builder.machine("init=/nope claylinux.debug")) as console:
        console.expect("claylinux: running /nope", BOOT_SECONDS)
        console.expect("claylinux: the command line has init=/nope, but the system has no such file", BOOT_SECONDS)
        console.expect("claylinux: stopped here", BOOT_SECONDS)
        assert "own init" not in console.text


SHOW = """\
#!/bin/sh
echo left: $(ls -d /.extra /.claylinux 2>/dev/null | wc -l)
echo signer: $(cat /run/claylinux/signer.json)
echo policy: $(cat /run/systemd/tpm2-pcr-signature.json)
echo run: $(busybox find /run -type f | sort | xargs)
"""
SIGNER = Signer("CN=Ada", "ab" * 32)
EXTRA = b"".join(
    segment(name, b"from the stub")
    for name in (b".extra/tpm2-pcr-signature.json", b".extra/credentials/x.cred", b".extra/sysext/x.raw")
)


def directories(*names: bytes) -> bytes:
    return b"".join(cpio.header(name, ino=1, mode=0o40700) for name in names) + cpio.TRAILER


def extra() -> bytes:
    return directories(b".extra", b".extra/credentials", b".extra/sysext") + EXTRA


def test_a_signed_system_leaves_what_nobody_signed(builder: Builder) -> None:
    builder.system({"sbin/init": SHOW + POWER_OFF})
    mark = signed.archive(SIGNER, "console=ttyS0 quiet no_timer_check claylinux.debug --", 0)
    with boot(builder.machine("claylinux.debug --", more=extra() + mark)) as console:
        assert console.wait_off(BOOT_SECONDS) == 0
        text = console.text
    assert f"this image is signed by CN=Ada (certificate SHA-256 {'ab' * 32})" in said(text)
    assert "left: 0\n" in text
    assert f'signer: {{"schema": 1, "subject": "CN=Ada", "sha256": "{"ab" * 32}"}}\n' in text
    assert "policy: from the stub\n" in text
    assert "run: /run/claylinux/signer.json /run/systemd/tpm2-pcr-signature.json\n" in text


def test_a_signed_system_starts_with_its_own_command_line_only(builder: Builder) -> None:
    """What the signed one says about failures counts, not what was added to it."""
    builder.system({"sbin/init": OWN_INIT, "opt/own": OWN_INIT})
    mark = signed.archive(SIGNER, "console=ttyS0 quiet no_timer_check --", 0)
    with boot(builder.machine("claylinux.on_failure=poweroff -- init=/opt/own", more=mark)) as console:
        console.expect(
            'claylinux: the command line is not the signed one: they differ at "claylinux.on_failure=poweroff"',
            BOOT_SECONDS,
        )
        console.expect("claylinux: stopped here", BOOT_SECONDS)
        assert "own init" not in console.text
