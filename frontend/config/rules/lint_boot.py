"""The rules OpenCommandLine and OpenState: what lets whoever sits at the machine into the system."""

from __future__ import annotations

from collections.abc import Iterator

from spec.document import Spec
from spec.kept import TPM2
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


def open_state(spec: Spec) -> Iterator[tuple[Range, str]]:
    """Yield the place of a state that the TPM opens for systems that nobody signed, and a message."""
    if spec.state is None or spec.state.encrypt != TPM2:
        return
    place = spec.positions.of("state", "encrypt")
    if spec.secure_boot is None:
        text = (
            "without `secure_boot`, the TPM opens the state for whatever is started on this machine: it protects a "
            "disk that was taken out, but not one that stays in: add `secure_boot` with `pcr_key`"
        )
        yield place, text
    elif spec.secure_boot.pcr_key is None:
        text = "without `secure_boot.pcr_key`, the TPM opens the state for every system that your key has signed"
        yield place, f"{text}: add one"
