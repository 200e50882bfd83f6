"""`tools/base-image NAME:RELEASE`: the official image of Debian or Alpine, or a stand-in if no registry is available.

The stand-in for Alpine is its minirootfs, which is exactly the content of the official image. It comes from the
directory CLAYLINUX_DATA (default: shared/data beside the repository).
"""

import argparse
import os
import platform
import shutil
import subprocess
from pathlib import Path

from localengine.cli import environment, instance
from localengine.commands import exit_code_of, run, watch
from localengine.errors import EngineError
from localengine.host import find_on_host, host_mirror, install_host_packages
from localengine.places import cache_dir, data_dir
from localengine.say import say

# mmdebstrap limits times to this one (2025-08-09, the release of Debian 13), so that two machines with the same
# packages get the same bytes.
EPOCH = "1754697600"
PULL_SECONDS = 300
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""The kernel's name for an architecture, by Docker's name."""
NATIVE = next((name for name, machine in MACHINES.items() if machine == platform.machine()), platform.machine())
# Same as in the official images.
PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHELLS = {"debian": "bash", "alpine": "/bin/sh"}


def main(argv: list[str]) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="tools/base-image", description=__doc__)
    parser.add_argument("image", help="for example debian:trixie or alpine:3.20")
    parser.add_argument("--instance", default=instance(), help="import into this engine of tools/engine")
    parser.add_argument(
        "--stand-in",
        metavar="NAME",
        default="",
        help="do not ask a registry, and call the stand-in so: an engine has one image of a name, "
        "and that of this machine's architecture is needed",
    )
    parser.add_argument("--architecture", choices=MACHINES, default=NATIVE, help="of the stand-in")
    args = parser.parse_args(argv)

    def action() -> int:
        env = environment(args.instance)
        if args.stand_in:
            import_stand_in(args.image, args.stand_in, args.architecture, env)
        else:
            ensure(args.image, env)
        return 0

    return exit_code_of("base-image", action)


def ensure(image: str, env: dict[str, str]) -> None:
    """Make `image` available in the engine of `env`; quick if it already is."""
    if _docker(env, "image", "inspect", image) == 0:
        return
    say(f"pulling {image}")
    if _docker(env, "pull", "--quiet", image) == 0:
        return
    say(f"no registry has {image} for us: making a stand-in")
    import_stand_in(image, image, NATIVE, env)


def import_stand_in(image: str, tag: str, architecture: str, env: dict[str, str]) -> None:
    """Import what has the content of `image` for an architecture into the engine, as `tag`."""
    name, _, release = image.partition(":")
    if name == "debian" and release.isalpha():
        say(f"cannot pull {image}: making a stand-in from Debian packages")
        tar = rootfs(release, architecture)
    elif name == "alpine" and release:
        tar = minirootfs(release, architecture)
    else:
        raise EngineError(
            f"cannot pull {image} or make a stand-in, which exists only for debian:SUITE and alpine:RELEASE: "
            "pull or load the image yourself"
        )
    say(f"importing {tag}")
    changes = [f"--change={PATH}", f'--change=CMD ["{SHELLS[name]}"]', f"--platform=linux/{architecture}"]
    run(["docker", "import", *changes, str(tar), tag], f"cannot import {tag}", env=env)


def minirootfs(release: str, architecture: str) -> Path:
    """Return Alpine's own tar of the newest available version of a release."""
    directory = data_dir()
    pattern = f"alpine-minirootfs-{release}.*-{MACHINES.get(architecture, architecture)}.tar.gz"
    found = sorted(directory.rglob(pattern), key=lambda path: (len(path.name), path.name))
    if not found:
        raise EngineError(f"cannot pull alpine:{release}, and there is no {pattern} in {directory}")
    return found[-1]


def rootfs(suite: str, architecture: str) -> Path:
    """Return a tar of a minimal Debian. It is made only once, so every engine on this machine gets the same bytes."""
    foreign = "" if architecture == NATIVE else f"-{architecture}"
    tar = cache_dir() / f"debian-{suite}{foreign}.tar"
    if tar.exists():
        return tar
    if not find_on_host("mmdebstrap"):
        install_host_packages(["mmdebstrap"])
    if os.geteuid() != 0:
        raise EngineError(f"making debian:{suite} needs root: run `sudo tools/base-image debian:{suite}`")
    tar.parent.mkdir(parents=True, exist_ok=True)
    part = tar.with_suffix(".part")
    options = [
        "--variant=minbase",
        *([f"--architectures={architecture}"] if foreign else []),
        # Like the official image: faster installs, no translations, no service starts during a build.
        "--dpkgopt=force-unsafe-io",
        '--aptopt=Acquire::Languages "none"',
        r"""--customize-hook=printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d" """,
        '--customize-hook=chmod 755 "$1/usr/sbin/policy-rc.d"',
        # They are the host's own; the engine provides new ones for every run.
        '--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf"',
    ]
    argv = ["mmdebstrap", "--format=tar", *options, suite, str(part), host_mirror()]
    watch(argv, f"cannot make debian:{suite}", env=os.environ | {"SOURCE_DATE_EPOCH": EPOCH})
    part.replace(tar)
    return tar


def _docker(env: dict[str, str], *argv: str) -> int:
    if not shutil.which("docker", path=env.get("PATH")):
        raise EngineError("there is no docker on PATH: run `tools/engine up` first")
    try:
        return subprocess.run(
            ["docker", *argv], check=False, env=env, capture_output=True, timeout=PULL_SECONDS
        ).returncode
    except subprocess.TimeoutExpired:
        return 1
