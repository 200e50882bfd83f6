"""`tools/frontend-image`: build the image claylinux/frontend, also called claylinux/imager, from the working tree."""

import argparse
import os
import runpy
import subprocess
from collections.abc import Sequence
from pathlib import Path

from localengine.cli import environment, instance
from localengine.commands import exit_code_of
from localengine.pinned import build_flags

REPOSITORY = Path(__file__).resolve().parents[2]
DOCKERFILE = "Dockerfile.frontend"
TAGS = ("claylinux/frontend", "claylinux/imager")
"""The same image serves as frontend of build files and as imager in Dockerfiles."""
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


def main(argv: list[str]) -> int:
    """Run the command line and return the exit code."""
    parser = argparse.ArgumentParser(prog="tools/frontend-image", description=__doc__)
    parser.add_argument("--instance", default=instance(), help="build in this engine of tools/engine")
    parser.add_argument("--tag", action="append", help=f"name of the image (default: {' and '.join(TAGS)})")
    args = parser.parse_args(argv)

    def action() -> int:
        env = environment(args.instance)
        flags = build_flags(REPOSITORY / DOCKERFILE, env)
        return subprocess.run(_command(args.tag or TAGS, flags), env=env, cwd=REPOSITORY, check=False).returncode

    return exit_code_of("frontend-image", action)


def _command(tags: Sequence[str], flags: Sequence[str]) -> list[str]:
    command = ["docker", "buildx", "build", f"--file={DOCKERFILE}", "--load", *flags]
    command += [f"--tag={tag}" for tag in tags]
    version = runpy.run_path(str(REPOSITORY / "frontend/__init__.py"))["__version__"]
    command.append(f"--label=org.opencontainers.image.version={version}")
    # If the network intercepts TLS, pip needs the machine's own certificates.
    bundle = os.environ.get("SSL_CERT_FILE") or "/etc/ssl/certs/ca-certificates.crt"
    if Path(bundle).is_file():
        command.append(f"--secret=id=ca-certificates,src={bundle}")
    # Without a value, the client uses its own environment.
    command += [f"--build-arg={name}" for name in _PROXIES if name in os.environ]
    return [*command, "."]
