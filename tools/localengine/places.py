"""The paths of an engine: one frozen value per instance, without I/O."""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

DEFAULT_SUITE = "trixie"


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
    """Files that do not: socket, pidfile, exec root. Short, because a socket path has at most 107 bytes."""

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
    """Return the places of an instance; without a name, of the default engine of its suite."""
    instance = f"{suite}-{instance}" if instance else suite
    root = cache_dir() / "engine"
    state = root / suite / "instances" / instance
    return Places(
        suite=suite,
        instance=instance,
        prefix=root / suite / "root",
        state=state,
        data_root=Path(data_root).resolve() if data_root else state / "data",
        runtime=Path("/run/claylinux") / instance,
    )
