"""The exceptions of the package; users read their text."""


class VmError(Exception):
    """The machine cannot run; the message says what to do."""


class MissingToolError(VmError):
    """QEMU or its firmware is not installed."""


class ConsoleError(VmError):
    """The guest did not show the expected text; the message ends with the last lines of its console."""
