"""Start and stop one dockerd, whatever happened to the previous one."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from localengine import network, processes
from localengine.api import ping
from localengine.commands import run
from localengine.errors import EngineError
from localengine.host import install_host_tools
from localengine.locks import locked
from localengine.packages import unpack
from localengine.places import Places
from localengine.say import say

START_SECONDS = 90.0
_CACHE_LIMIT = "16GB"
"""The limit for build cache, least recently used first out: one run of all tests makes 36 GB."""


def up(places: Places, *, containerd_store: bool = False) -> None:
    """Make the engine of `places` available; quick if it is already running."""
    if ping(str(places.socket)):
        return
    if os.geteuid() != 0:
        raise EngineError("starting a Docker Engine needs root: run `sudo tools/engine up`")
    with _locked(places):
        if ping(str(places.socket)):
            return
        install_host_tools()
        unpack(places.suite, places.prefix)
        _clean_up(places)
        _configure(places, containerd_store)
        _start(places)


def down(places: Places, *, purge: bool = False) -> bool:
    """Stop the engine of `places` and nothing else; return whether it was running."""
    if not places.runtime.exists() and not places.state.exists():
        return False
    with _locked(places):
        running = _daemon_pid(places) is not None
        _clean_up(places)
        if purge:
            for directory in (places.data_root, places.state, places.runtime):
                shutil.rmtree(directory, ignore_errors=True)
    return running


def _configure(places: Places, containerd_store: bool) -> None:
    plugins = places.client_config / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    for plugin in ("docker-buildx", "docker-compose"):
        link = plugins / plugin
        link.unlink(missing_ok=True)
        link.symlink_to(places.prefix / "usr/libexec/docker/cli-plugins" / plugin)
    _share_logins(places)
    # A dockerd that remembers docker0 believes that it may delete docker0 at its next start, and with it the network
    # of every other engine.
    shutil.rmtree(places.data_root / "network", ignore_errors=True)
    config: dict[str, object] = {
        "features": {"containerd-snapshotter": containerd_store},
        "builder": {"gc": {"enabled": True, "defaultKeepStorage": _CACHE_LIMIT}},
    }
    config |= network.settings(places)
    places.daemon_config.write_text(json.dumps(config, indent=1) + "\n")


def _share_logins(places: Places) -> None:
    """Make the user's registry logins available in our client configuration."""
    own = places.client_config / "config.json"
    users = Path.home() / ".docker/config.json"
    if users.exists() and not own.exists():
        own.symlink_to(users)


def _start(places: Places) -> None:
    say(f"starting dockerd ({places.instance}), log in {places.log}")
    for directory in (places.data_root, places.exec_root):
        directory.mkdir(parents=True, exist_ok=True)
    _make_tmp(places)
    if places.log.exists():
        places.log.replace(places.log.with_suffix(".log.old"))
    # The unpacked programs come first, then the host's, because runc and iptables are not among ours.
    path = f"{places.bin}:{places.prefix}/usr/sbin:{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    argv = [
        find_program(places, "dockerd"),
        f"--config-file={places.daemon_config}",
        f"--data-root={places.data_root}",
        f"--exec-root={places.exec_root}",
        f"--pidfile={places.pidfile}",
        f"--host={places.host}",
    ]
    with places.log.open("wb") as log:
        daemon = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | {"PATH": path, "DOCKER_TMPDIR": str(places.tmp)},
            cwd="/",
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while not ping(str(places.socket)):
        if daemon.poll() is not None:
            raise EngineError(f"dockerd exited with code {daemon.returncode}:\n{_tail(places.log)}")
        if time.monotonic() > deadline:
            processes.end(daemon.pid)
            raise EngineError(f"dockerd does not answer after {START_SECONDS:.0f} s:\n{_tail(places.log)}")
        time.sleep(0.05)
    # The daemon keeps running after this process, so suppress the warning about that.
    daemon.returncode = 0
    say(f"Docker Engine is up ({places.instance})")


def _make_tmp(places: Places) -> None:
    """Give the temporary files of the data root a short name. A link would not do: dockerd follows it first."""
    files = places.data_root / "tmp"
    shutil.rmtree(files, ignore_errors=True)  # as dockerd itself does with its default
    for directory in (files, places.tmp):
        directory.mkdir(mode=0o700, exist_ok=True)
    run(["mount", "--bind", str(files), str(places.tmp)], f"cannot mount {places.tmp}")


def find_program(places: Places, name: str) -> str:
    """Return the path of an unpacked program."""
    for directory in ("usr/sbin", "usr/bin"):
        program = places.prefix / directory / name
        if program.exists():
            return str(program)
    raise EngineError(f"{places.prefix} has no {name}: remove that directory and try again")


def _clean_up(places: Places) -> None:
    """Remove the remains of an engine after kill -9, a crash or a reboot."""
    for pid in (_daemon_pid(places), *processes.daemons(places)):
        if pid is not None:
            processes.end(pid)
    for pid in processes.orphans(places):
        processes.kill(pid)
    for mount in _mounts_of(places):
        subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
    # The containerd.pid of a zombie process would block the next dockerd.
    shutil.rmtree(places.exec_root, ignore_errors=True)
    places.pidfile.unlink(missing_ok=True)
    places.socket.unlink(missing_ok=True)


def _daemon_pid(places: Places) -> int | None:
    """Return the pid of the running dockerd of `places`; if another program now has the pid, return None."""
    try:
        pid = int(places.pidfile.read_text())
    except (OSError, ValueError):
        return None
    return pid if pid in processes.daemons(places) else None


def _mounts_of(places: Places) -> list[str]:
    """Return the remaining mounts of an engine, innermost first. The data root itself may also be a mount."""
    roots = [str(places.data_root), str(places.exec_root), str(places.tmp)]
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    ours = [mount for mount in mounts if mount in roots or mount.startswith(tuple(root + "/" for root in roots))]
    return sorted(ours, reverse=True)


@contextmanager
def _locked(places: Places) -> Iterator[None]:
    """Allow only one `up` or `down` at a time per instance."""
    places.runtime.mkdir(parents=True, exist_ok=True)
    places.state.mkdir(parents=True, exist_ok=True)
    with locked(places.runtime / "lock"):
        yield


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
