"""The command line of tools/engine."""

import argparse
import os
import shlex

from localengine import daemon
from localengine.api import existing_engine, ping
from localengine.commands import exit_code_of
from localengine.errors import EngineError
from localengine.places import DEFAULT_SUITE, Places, places_for
from localengine.say import say


def main(argv: list[str]) -> int:
    """Run one command and return the exit code."""
    args = _parser().parse_args(argv)
    return exit_code_of("engine", lambda: _run(args))


def _run(args: argparse.Namespace) -> int:
    places = places_for(_suite(), args.instance, args.data_root)
    existing = "" if _wants_own_engine(args.instance) else _existing(places)
    if args.command == "up":
        if existing:
            say(f"using the Docker Engine at {existing}")
        else:
            daemon.up(places, containerd_store=args.containerd_store)
        return 0
    if args.command == "down":
        say("stopped" if daemon.down(places, purge=args.purge) else "not running")
        return 0
    if args.command == "status":
        return _status(existing, places)
    values = _engine_environment(existing, places)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    print("\n".join(lines or [f"# using the Docker Engine at {existing}, no settings needed"]))  # noqa: T201
    return 0


def _status(existing: str, places: Places) -> int:
    if existing:
        say(f"using the Docker Engine at {existing}")
        return 0
    running = ping(str(places.socket))
    say(f"{places.instance}: {'up' if running else 'down'}, {places.host}, log {places.log}")
    return 0 if running else 3


def _suite() -> str:
    return os.environ.get("ENGINE_SUITE") or DEFAULT_SUITE


def instance() -> str:
    """Return the default engine instance: ENGINE_INSTANCE, which tools and tests both use."""
    return os.environ.get("ENGINE_INSTANCE", "")


def _wants_own_engine(instance: str) -> bool:
    """Return whether to use our own engine even if there is another: the user chose an instance or a suite."""
    return bool(instance or os.environ.get("ENGINE_SUITE"))


def _existing(places: Places) -> str:
    """Return the user's own engine; ours does not count, even though `eval "$(tools/engine env)"` sets DOCKER_HOST."""
    host = os.environ.get("DOCKER_HOST", "")
    if host.startswith(f"unix://{places.runtime.parent}/"):
        return ""
    return existing_engine()


def environment(name: str | None = None) -> dict[str, str]:
    """Return the process environment in which `docker` uses the engine chosen by `tools/engine up`."""
    name = instance() if name is None else name
    places = places_for(_suite(), name)
    return os.environ | _engine_environment("" if _wants_own_engine(name) else _existing(places), places)


def _engine_environment(existing: str, places: Places) -> dict[str, str]:
    """Return the variables that make `docker` use our engine; none if the user has an engine."""
    if existing:
        return {}
    if not ping(str(places.socket)):
        raise EngineError("the engine is not running: run `tools/engine up` first")
    path = [part for part in os.environ.get("PATH", "").split(":") if part != str(places.bin)]
    return {
        "PATH": ":".join([str(places.bin), *path]),
        "DOCKER_HOST": places.host,
        "DOCKER_CONFIG": str(places.client_config),
        "DOCKER_BUILDKIT": "1",
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/engine",
        description="Manage a local Docker Engine. If another engine is reachable (DOCKER_HOST or the default socket), "
        "the commands use that one. ENGINE_SUITE=sid installs the newest engine from Debian instead of stable's. "
        "ENGINE_INSTANCE=NAME sets --instance for every command and for the tests.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down|status|env")
    helps = {
        "up": "download and start the engine",
        "down": "stop the engine that `up` started",
        "status": "show which engine is in use (exit code 3: none)",
        "env": 'print shell settings for eval "$(tools/engine env)"',
    }
    for name, text in helps.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--instance", default=instance(), help="use a separate engine with this name")
        command.add_argument("--data-root", default="", help="the data directory of that engine")
        if name == "down":
            command.add_argument("--purge", action="store_true", help="also remove its images and build cache")
        if name == "up":
            command.add_argument("--containerd-store", action="store_true", help="use the containerd image store")
    return parser
