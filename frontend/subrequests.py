"""Questions about a build file that build nothing: `docker buildx build --call ...`.

Names, versions and answers follow BuildKit's frontend/subrequests.
"""

from __future__ import annotations

from .errors import EngineError
from .gateway import status as wire


def unsupported(request_id: str) -> EngineError:
    """Return the error by which buildx recognises that a frontend does not know a request."""
    status = wire.make(f"unsupported request {request_id}")
    wire.add_detail(status, wire.SUBREQUEST, {"name": request_id})
    return EngineError(status)
