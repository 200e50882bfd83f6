"""claylinux.yaml: text -> frozen spec, or every error at once, each at its place."""

from .decode.arguments import Arguments
from .load import load, load_outline
from .syntax.diagnostics import ConfigError, Diagnostic, excerpt

__all__ = ["Arguments", "ConfigError", "Diagnostic", "excerpt", "load", "load_outline"]
