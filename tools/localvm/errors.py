"""The exceptions of the package: their text is what the user reads."""


class VmError(Exception):
    """The machine cannot be run; the message says what to do."""


class MissingToolError(VmError):
    """QEMU or its firmware is not installed."""


class ConsoleError(VmError):
    """The guest did not show what was awaited; the message ends with what it showed last."""
