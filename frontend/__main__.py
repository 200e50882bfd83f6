"""The process that BuildKit starts. It answers one request over stdio and exits. With arguments it is `cli`."""

from __future__ import annotations

import gc
import os
import sys


def main() -> int:
    """Answer the request and return the exit code."""
    gc.disable()  # The process ends before garbage could matter.
    from frontend import precompiled

    precompiled.use()
    from frontend.gateway.transport import open_channel, take_stdio

    reader, writer = take_stdio()
    channel = open_channel(reader, writer)
    from frontend.gateway.bridge import Bridge

    from . import warmup
    from .app import handle

    warmup.start()
    handle(Bridge(channel), os.environ)
    return 0


def programs(argv: list[str]) -> int:
    """Run what `docker run` asks for, and return the exit code. Build steps start `build-image` themselves."""
    if argv[0] == "build-image":
        from frontend import __version__
        from imager.build_image import main as build_image

        return build_image(argv[1:], version=__version__)
    if argv[0] == "keys":
        from imager.keys import main as keys

        return keys(argv[1:])
    from .cli import main as command

    epilog = (
        "build-image makes a bootable image of the system at /system, and keys the keys of Secure Boot: "
        "build-image -h and keys -h tell more."
    )
    return command(argv, prog="claylinux/frontend", epilog=epilog)


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(programs(sys.argv[1:]))
    code = 1
    try:
        code = main()
    finally:
        sys.stderr.flush()
        # BuildKit waits for this process, so no thread of gRPC may keep it alive.
        os._exit(code)
