"""The image claylinux/frontend: its content, its size, and its start time."""

from __future__ import annotations

import json
import subprocess
import zlib

import pytest

from frontend import __version__
from tests.support.engine import Engine

pytestmark = pytest.mark.engine

IMAGE = "claylinux/frontend"
LIMIT = 60_000_000
"""The limit in compressed bytes, because every fresh machine pulls the image."""


def run(engine: Engine, program: str, *args: str) -> str:
    """Return the output of a program in the image."""
    return engine.docker("run", "--rm", "--network=none", f"--entrypoint={program}", IMAGE, *args)


def test_every_module_is_there_with_its_bytecode(engine: Engine) -> None:
    script = """
import importlib, importlib.util, pathlib, sys
home = pathlib.Path("/usr/lib/claylinux")
for source in sorted(home.rglob("*.py")):
    name = ".".join(source.relative_to(home).with_suffix("").parts).removesuffix(".__init__")
    assert pathlib.Path(importlib.util.cache_from_source(str(source))).exists(), source
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(sys.version_info[:2] >= (3, 11), __import__("yaml").__with_libyaml__)
"""
    assert run(engine, "/usr/bin/python3", "-c", script) == "True True\n"


def test_the_frontend_is_imported_fast(engine: Engine) -> None:
    script = "import time; start = time.process_time(); import frontend.app; print(time.process_time() - start)"
    assert float(run(engine, "/usr/bin/python3", "-c", script)) < 0.5


@pytest.mark.parametrize("program", ["gzip", "lz4", "pigz", "xz", "zstd"])
def test_compressors_work(engine: Engine, program: str) -> None:
    script = f"echo content | {program} -c | {program} -dc"
    assert run(engine, "/usr/bin/sh", "-c", script) == "content\n"


def test_every_compression_has_its_program(engine: Engine) -> None:
    script = """
import shutil
from imager.archive import compressors
from spec.compression import LEVELS
programs = {compressors.program(kind, levels.default).argv[0] for kind, levels in LEVELS.items()}
print(len(programs) > 1, sorted(program for program in programs if shutil.which(program) is None))
"""
    assert run(engine, "/usr/bin/python3", "-c", script) == "True []\n"


def test_stubs_and_init_are_there_for_both_architectures(engine: Engine) -> None:
    script = """
import pathlib, re, struct
for path in sorted(pathlib.Path("/usr/lib/claylinux").glob("[sl]*s/*.efi*")):
    data = path.read_bytes()
    header = struct.unpack_from("<I", data, 0x3C)[0]
    print(path.parent.name, path.name, hex(struct.unpack_from("<H", data, header + 4)[0]))
    version = re.search(rb"#### LoaderInfo: systemd-boot ([0-9]+)", data)
    if path.parent.name == "loaders":
        print("counts and comes back:", int(version[1]) >= 258)
for path in sorted(pathlib.Path("/usr/lib/claylinux").glob("init/*")):
    print(path.name, hex(struct.unpack_from("<H", path.read_bytes(), 18)[0]), oct(path.stat().st_mode & 0o777))
"""
    assert run(engine, "/usr/bin/python3", "-c", script).splitlines() == [
        "loaders systemd-bootaa64.efi 0xaa64",
        "counts and comes back: True",
        "loaders systemd-bootx64.efi 0x8664",
        "counts and comes back: True",
        "stubs linuxaa64.efi.stub 0xaa64",
        "stubs linuxx64.efi.stub 0x8664",
        "stubs systemd-bootaa64.efi 0xaa64",
        "stubs systemd-bootx64.efi 0x8664",
        "amd64 0x3e 0o755",
        "arm64 0xb7 0o755",
    ]


def test_engines_are_told_what_we_can_do(engine: Engine) -> None:
    config = json.loads(engine.docker("image", "inspect", IMAGE))[0]["Config"]
    caps = config["Labels"]["moby.buildkit.frontend.caps"].split(",")
    assert caps == [f"moby.buildkit.frontend.{name}" for name in ("inputs", "subrequests", "contexts")]
    assert config["Entrypoint"] == ["/usr/bin/python3", "-S", "-m", "frontend"]
    told = {name.rpartition(".")[2]: value for name, value in config["Labels"].items() if ".opencontainers." in name}
    assert (told["title"], told["licenses"], told["version"]) == ("Claylinux", "Apache-2.0", __version__)


def test_the_image_is_small(engine: Engine) -> None:
    packer = zlib.compressobj(6)
    size = 0
    with subprocess.Popen(["docker", "save", IMAGE], env=engine.env, stdout=subprocess.PIPE) as save:
        assert save.stdout is not None
        while chunk := save.stdout.read(1 << 20):
            size += len(packer.compress(chunk))
    size += len(packer.flush())
    assert save.returncode == 0
    assert 10_000_000 < size < LIMIT
