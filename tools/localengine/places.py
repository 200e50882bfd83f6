"""The paths of an engine: one frozen value per instance, without I/O."""

import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

from localengine.errors import EngineError

DEFAULT_SUITE = "trixie"
_RUNTIME = Path("/run/claylinux")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_SOCKET_BYTES = 107
"""Linux allows no longer path for a socket."""
_LONGEST_SOCKET = "/tmp/.buildkit-ssh-sock4294967295/ssh_auth_sock"
"""Below `Places.runtime`: of an agent of `--ssh`, in a directory with a random number of 32 bits."""


@dataclass(frozen=True)
class Places:
    """Every path and name of one engine instance."""

    suite: str
    instance: str
    prefix: Path
    """The unpacked packages, shared by all instances of a suite."""
    state: Path
    """Files that outlive a reboot: data root, log, client configuration."""
    data_root: Path
    runtime: Path
    """Files that do not: socket, pidfile, exec root. Short, because some of them are sockets."""

    @property
    def socket(self) -> Path:
        """The API socket of the engine."""
        return self.runtime / "docker.sock"

    @property
    def host(self) -> str:
        """The value for DOCKER_HOST."""
        return f"unix://{self.socket}"

    @property
    def pidfile(self) -> Path:
        """The pid file, which dockerd itself writes."""
        return self.runtime / "docker.pid"

    @property
    def exec_root(self) -> Path:
        """Sockets and state of the containerd and runc below this engine."""
        return self.runtime / "exec"

    @property
    def tmp(self) -> Path:
        """A short name for the temporary files in the data root, whose own may be long: some of them are sockets."""
        return self.runtime / "tmp"

    @property
    def log(self) -> Path:
        """The output of dockerd; that of the previous run is in `.old`."""
        return self.state / "dockerd.log"

    @property
    def daemon_config(self) -> Path:
        """The configuration for dockerd, which replaces the host's /etc/docker/daemon.json."""
        return self.state / "daemon.json"

    @property
    def client_config(self) -> Path:
        """The value for DOCKER_CONFIG, with links to the CLI plugins."""
        return self.state / "client"

    @property
    def bin(self) -> Path:
        """The directory of the unpacked programs."""
        return self.prefix / "usr/bin"

    @property
    def network_slot(self) -> int:
        """A number from 1 to 199 that selects separate networks for parallel engines."""
        return 1 + zlib.crc32(self.instance.encode()) % 199


def cache_dir() -> Path:
    """Return the directory for everything that can be recreated."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "claylinux"


def data_dir() -> Path:
    """Where content is that no package registry has: $CLAYLINUX_DATA, or shared/data beside the repository."""
    return Path(os.environ.get("CLAYLINUX_DATA") or Path(__file__).resolve().parents[3] / "shared/data")


def places_for(suite: str, instance: str = "", data_root: str = "") -> Places:
    """Return the places of an instance; without a name, of the default engine of its suite.

    Raises `EngineError` for a name that would lead elsewhere, or be too long for sockets.
    """
    instance = f"{suite}-{instance}" if instance else suite
    runtime = _RUNTIME / instance
    room = _SOCKET_BYTES - len(f"{_RUNTIME}/{_LONGEST_SOCKET}")
    if not _NAME.fullmatch(instance) or len(instance) > room:
        raise EngineError(
            f"{instance!r} is not the name of an engine: expected letters, digits and ._-, at most {room} characters"
        )
    root = cache_dir() / "engine"
    state = root / suite / "instances" / instance
    return Places(
        suite=suite,
        instance=instance,
        prefix=root / suite / "root",
        state=state,
        data_root=Path(data_root).resolve() if data_root else state / "data",
        runtime=runtime,
    )
