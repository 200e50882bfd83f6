"""The command line of tools/engine."""

import argparse
import os
import shlex

from localengine import daemon
from localengine.api import existing_engine, ping
from localengine.commands import finish
from localengine.errors import EngineError
from localengine.places import DEFAULT_SUITE, Places, places_for
from localengine.say import say


def main(argv: list[str]) -> int:
    """Run one command; the result is the process's exit code."""
    args = _parser().parse_args(argv)
    places = places_for(_suite(), args.instance, args.data_root)
    return finish("engine", lambda: _run(args, places))


def _run(args: argparse.Namespace, places: Places) -> int:
    existing = "" if _own_wanted(args.instance) else _existing(places)
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
    values = _values(existing, places)
    lines = [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    print("\n".join(lines or [f"# the Docker Engine at {existing} is used as it is"]))  # noqa: T201
    return 0


def _status(existing: str, places: Places) -> int:
    if existing:
        say(f"the Docker Engine at {existing} is used")
        return 0
    running = ping(str(places.socket))
    say(f"{places.instance}: {'up' if running else 'down'}, {places.host}, log {places.log}")
    return 0 if running else 3


def _suite() -> str:
    return os.environ.get("ENGINE_SUITE") or DEFAULT_SUITE


def instance() -> str:
    """The engine to use where no flag names one: ENGINE_INSTANCE, which tools and tests alike see."""
    return os.environ.get("ENGINE_INSTANCE", "")


def _own_wanted(instance: str) -> bool:
    """Naming an instance or a suite asks for an engine of our own even where there is another."""
    return bool(instance or os.environ.get("ENGINE_SUITE"))


def _existing(places: Places) -> str:
    """The user's engine; ours does not count although `eval "$(tools/engine env)"` names it."""
    host = os.environ.get("DOCKER_HOST", "")
    if host.startswith(f"unix://{places.runtime.parent}/"):
        return ""
    return existing_engine()


def environment(name: str | None = None) -> dict[str, str]:
    """The process environment in which `docker` uses the engine that `tools/engine up` chose."""
    name = instance() if name is None else name
    places = places_for(_suite(), name)
    return os.environ | _values("" if _own_wanted(name) else _existing(places), places)


def _values(existing: str, places: Places) -> dict[str, str]:
    """What has to be set so that `docker` uses the engine: nothing where the user has one."""
    if existing:
        return {}
    if not ping(str(places.socket)):
        raise EngineError("the engine is down: run `tools/engine up` first")
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
        description="Manage a Docker Engine of our own. A reachable engine (DOCKER_HOST or the default "
        "socket) is used as it is. ENGINE_SUITE=sid takes the newest from Debian instead of stable's; "
        "ENGINE_INSTANCE=NAME is --instance for every command and for the tests.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="up|down|status|env")
    helps = {
        "up": "fetch and start the engine",
        "down": "stop the engine that `up` started",
        "status": "say which engine is used (exit code 3: none)",
        "env": 'print shell lines for eval "$(tools/engine env)"',
    }
    for name, text in helps.items():
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--instance", default=instance(), help="an engine of its own under this name")
        command.add_argument("--data-root", default="", help="where that engine keeps its data")
        if name == "down":
            command.add_argument("--purge", action="store_true", help="remove its images and build cache too")
        if name == "up":
            command.add_argument("--containerd-store", action="store_true", help="use the containerd image store")
    return parser
