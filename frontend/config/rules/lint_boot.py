"""The rule OpenCommandLine: what a signed kernel command line lets whoever sits at the console do."""

from __future__ import annotations

from collections.abc import Iterator

from spec.document import Spec
from spec.positions import Range
from spec.values.wording import code

_SHELLS = frozenset({"ash", "bash", "busybox", "dash", "sh"})
_CREDENTIALS = "lets a hypervisor put users, keys and units into the system"
_SWITCHES = {
    "claylinux.on_failure=shell": "gives a root shell if the system cannot be started",
    "emergency": "gives a root shell",
    "lockdown=none": "lets root change the running kernel",
    "module.sig_enforce=0": "lets root load modules that nobody signed",
    "rescue": "gives a root shell",
    "single": "gives a root shell",
    "systemd.crash_shell": "gives a root shell if systemd crashes",
    "systemd.crash_shell=1": "gives a root shell if systemd crashes",
    "systemd.debug_shell": "gives a root shell on tty9",
    "systemd.debug_shell=1": "gives a root shell on tty9",
    "systemd.debug-shell": "gives a root shell on tty9",
    "systemd.debug-shell=1": "gives a root shell on tty9",
    "systemd.import_credentials=1": _CREDENTIALS,
    "systemd.import_credentials=true": _CREDENTIALS,
    "systemd.import_credentials=yes": _CREDENTIALS,
    "systemd.setenv=SYSTEMD_SULOGIN_FORCE=1": "gives a root shell in emergency mode, without a password",
    "systemd.unit=emergency.target": "gives a root shell",
    "systemd.unit=rescue.target": "gives a root shell",
}


def open_command_line(spec: Spec) -> Iterator[tuple[Range, str]]:
    """Yield the place of each switch of a signed command line that opens the system, and a message."""
    if spec.secure_boot is None:
        return
    for index, words in enumerate(spec.kernel.cmdline):
        for word in words.split():
            effect = _SWITCHES.get(word)
            name, _, program = word.partition("=")
            if name in ("init", "rdinit") and program.rpartition("/")[2] in _SHELLS:
                effect = "gives a root shell instead of the system"
            if effect:
                place = spec.positions.of("kernel", "cmdline", index)
                yield place, f"{code(word)} {effect}, and the signature makes every machine obey: remove it"
