"""One request of BuildKit, and warnings that answer it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import llb
    from frontend.context import BuildFile, Contexts
    from frontend.gateway.client import Client, Pong
    from frontend.options import BuildOptions
    from spec.positions import Range


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


def tell(request: Request, place: Range, message: str, rule: str) -> None:
    """Show a warning at its place; `rule` may be empty."""
    from frontend.config.rules.lint import description, url
    from frontend.plan.places import to_llb

    source = request.build_file.source
    text = f"{place.file or request.options.filename}:{place.start.line}: {message}" + (f" [{rule}]" if rule else "")
    about, page = ((description(rule),), url(rule)) if rule else ((), "")
    shown = None if place.file else to_llb(place)
    request.client.warn(request.build_file.vertex, text, about, url=page, source=source, place=shown)
