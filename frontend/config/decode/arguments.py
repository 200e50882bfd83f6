"""The arguments of a build: what `args` declares, what the caller gives, what the platform is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.config.syntax.diagnostics import Collector
from frontend.config.syntax.nodes import Mapping as MappingNode
from frontend.config.syntax.nodes import Node, Scalar
from spec.values.wording import suggest

from .interpolate import InterpolationError, Variables

PROFILE = "CLAYLINUX_PROFILE"
_CLIENT = frozenset({PROFILE, "SOURCE_DATE_EPOCH", "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"})
"""Arguments that mean something without being declared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What comes from outside of the file.

    `given` are the build arguments, `platform` the variables TARGETARCH and so on.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, str] = field(default_factory=dict)

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles that are asked for, in their order."""
        return tuple(name.strip() for name in self.given.get(PROFILE, "").split(",") if name.strip())

    def undeclared(self, declared: Mapping[str, str]) -> tuple[tuple[str, str | None], ...]:
        """Return the build arguments that nothing uses, each with the declared one that was probably meant."""
        strange = (
            name
            for name in sorted(self.given)
            if name not in declared
            and name not in self.platform
            and name.upper() not in _CLIENT
            and not name.startswith("BUILDKIT_")
        )
        return tuple((name, suggest(name, declared)) for name in strange)


def variables_of(
    root: MappingNode, arguments: Arguments, problems: Collector, *, provisional: bool = False
) -> Variables:
    """Return the variables of a file: platform, then `args` in their order, each of which can use those before it.

    An empty default of a platform's variable declares it, as `ARG TARGETARCH` does in a Dockerfile.
    What is wrong with the form of `args` is told when the file is decoded.
    """
    values = dict(arguments.platform)
    variables = Variables(values, provisional=provisional)
    for name, default in _declared(root):
        try:
            value = arguments.given[name] if name in arguments.given else variables.expand(default.text)
        except InterpolationError as error:
            if not variables.excuse(default.text, error):
                problems.add(default.range, f"`{name}`: {error}", error.argument)
            value = ""
        values[name] = value or arguments.platform.get(name, "")
    return variables


def _declared(root: MappingNode) -> list[tuple[str, Scalar]]:
    node: Node | None = next((pair.value for pair in root.pairs if pair.key.text == "args"), None)
    if not isinstance(node, MappingNode):
        return []
    return [(pair.key.text, pair.value) for pair in node.pairs if isinstance(pair.value, Scalar)]
