"""The one exception of the package: its text is what the user reads."""


class EngineError(Exception):
    """The engine cannot be had; the message says what to do."""
