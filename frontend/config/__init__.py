"""claylinux.yaml: from text to a frozen spec, or to all errors at once, each at its place."""

from .decode.arguments import Arguments
from .load import load, load_outline
from .syntax.diagnostics import ConfigError, Diagnostic, excerpt

__all__ = ["Arguments", "ConfigError", "Diagnostic", "excerpt", "load", "load_outline"]
