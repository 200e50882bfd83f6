"""Progress messages for people. They go to stderr, because a shell may evaluate stdout."""

import sys


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"-- {text}", file=sys.stderr, flush=True)  # noqa: T201
