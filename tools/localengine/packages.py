"""Download and unpack the engine's Debian packages without changing the host's package state."""

import shutil
from pathlib import Path

from localengine.commands import run, watch
from localengine.host import host_mirror
from localengine.locks import locked
from localengine.say import say

# runc and iptables come from the host, see host.py.
PACKAGES = ("containerd", "docker-buildx", "docker-cli", "docker-compose", "docker.io", "tini")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


def unpack(suite: str, prefix: Path) -> None:
    """Unpack the packages of `suite` into `prefix`, unless they already are there.

    All instances share them, and two of them may start for the first time at once.
    """
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with locked(prefix.with_name(f"{prefix.name}.lock")):
        if not prefix.is_dir():
            _unpack(suite, prefix)


def _unpack(suite: str, prefix: Path) -> None:
    work = prefix.with_name(f"{prefix.name}.part")
    shutil.rmtree(work, ignore_errors=True)
    (work / "debs").mkdir(parents=True)
    _download(suite, work)
    for deb in sorted((work / "debs").glob("*.deb")):
        say(f"unpacking {deb.name.removesuffix('.deb')}")
        run(["dpkg", "-x", str(deb), str(work / "root")], f"cannot unpack {deb.name}")
    versions = "".join(f"{deb.stem}\n" for deb in sorted((work / "debs").glob("*.deb")))
    (work / "root" / "packages.txt").write_text(versions)
    (work / "root").rename(prefix)
    shutil.rmtree(work)


def _download(suite: str, work: Path) -> None:
    mirror = host_mirror()
    say(f"downloading Docker Engine from Debian {suite} ({mirror})")
    sources = work / "sources.list"
    sources.write_text(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n")
    for directory in ("lists/partial", "cache/archives/partial"):
        (work / directory).mkdir(parents=True)
    settings = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State::Lists": work / "lists",
        "Dir::State::status": "/dev/null",
        "Dir::Cache": work / "cache",
        # The directories belong to the caller, so apt's own user could not write there.
        "APT::Sandbox::User": "root",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    apt = ["apt-get", "-q", *(f"-o{name}={value}" for name, value in settings.items())]
    hint = f"cannot download Debian {suite} from {mirror}: check the network"
    watch([*apt, "update"], hint)
    watch([*apt, "download", *PACKAGES], hint, cwd=work / "debs")
