"""One request of BuildKit, and warnings that answer it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import llb
    from frontend.config.syntax.diagnostics import Diagnostic
    from frontend.context import BuildFile, Contexts
    from frontend.gateway.client import Client, Pong
    from frontend.options import BuildOptions


@dataclass(frozen=True, slots=True)
class Request:
    """All that is known before the build file is decoded."""

    client: Client
    pong: Pong
    options: BuildOptions
    contexts: Contexts
    build_file: BuildFile

    def on(self, options: BuildOptions, platform: llb.Platform) -> Request:
        """Return the part of the request that is about one platform."""
        own = options.on(platform)
        return replace(self, options=own, contexts=replace(self.contexts, options=own))


def tell(request: Request, warning: Diagnostic) -> None:
    """Show a warning at its place."""
    from frontend.config.rules.lint import description, url
    from frontend.plan.places import to_llb

    source, place, rule = request.build_file.source, warning.range.head, warning.rule
    text = f"{place.file or request.options.filename}:{place.start.line}: {warning.text}"
    about, page = ((description(rule),), url(rule)) if rule else ((), "")
    shown = None if place.file else to_llb(place)
    request.client.warn(request.build_file.vertex, text, about, url=page, source=source, place=shown)
