"""The arguments of a build: declared by `args`, set by the caller, or defined by the platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from frontend.config.syntax.diagnostics import Collector
from frontend.config.syntax.nodes import Mapping as MappingNode
from frontend.config.syntax.nodes import Node, Scalar
from spec.values.wording import suggest

from .interpolate import InterpolationError, Variables, is_name

PROFILE = "CLAYLINUX_PROFILE"
_CLIENT = frozenset({PROFILE, "SOURCE_DATE_EPOCH", "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"})
"""Arguments that have a meaning without a declaration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """Values from outside of the file: `given` by the caller, and those of the `platform`, such as TARGETARCH."""

    given: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, str] = field(default_factory=dict)

    @property
    def profiles(self) -> tuple[str, ...]:
        """The chosen profiles, in order."""
        return tuple(name.strip() for name in self.given.get(PROFILE, "").split(",") if name.strip())

    def undeclared(self, declared: Mapping[str, str]) -> tuple[tuple[str, str | None], ...]:
        """Return the build arguments without a declaration, each with the declared one that was probably meant."""
        unknown = (
            name
            for name in sorted(self.given)
            if name not in declared
            and name not in self.platform
            and name.upper() not in _CLIENT
            and not name.startswith("BUILDKIT_")
        )
        return tuple((name, suggest(name, declared)) for name in unknown)


def variables_of(
    root: MappingNode,
    arguments: Arguments,
    problems: Collector,
    *,
    provisional: bool = False,
    incomplete: bool = False,
) -> Variables:
    """Return the variables of a file: first those of the platform, then `args`, each of which can use earlier ones.

    An empty default declares a variable of the platform, like `ARG TARGETARCH` in a Dockerfile. The decoder reports
    problems with the form of `args`.
    """
    values = dict(arguments.platform)
    variables = Variables(values, provisional=provisional, incomplete=incomplete)
    for name, default in _declared(root):
        try:
            value = arguments.given[name] if name in arguments.given else variables.expand(default.text)
        except InterpolationError as error:
            if not variables.excuse(default.text, error):
                for each in error.mistakes:
                    problems.add(default.place_of(each.at), f"`{name}`: {each.message}", each.argument)
            value = ""
        values[name] = value or arguments.platform.get(name, "")
    return variables


def _declared(root: MappingNode) -> list[tuple[str, Scalar]]:
    node: Node | None = next((pair.value for pair in root.pairs if pair.key.text == "args"), None)
    if not isinstance(node, MappingNode):
        return []
    named = (pair for pair in node.pairs if is_name(pair.key.text))
    return [(pair.key.text, pair.value) for pair in named if isinstance(pair.value, Scalar)]
