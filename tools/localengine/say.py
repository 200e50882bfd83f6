"""Progress for people: on stderr, as stdout may be evaluated by a shell."""

import sys


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"-- {text}", file=sys.stderr, flush=True)  # noqa: T201
