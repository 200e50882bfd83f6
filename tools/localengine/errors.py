"""The only exception of the package; users read its text."""


class EngineError(Exception):
    """The engine is not available; the message says what to do."""
