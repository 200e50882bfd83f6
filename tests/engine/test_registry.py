"""Build caches outside of the engine; tests/boot/test_registry.py is about systems in registries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.engine import Engine, digests
from tests.support.registry import Registry

pytestmark = pytest.mark.engine

RANDOM = """\
# syntax=claylinux/frontend
base: {{image: "{host}/small"}}
run: ["head -c 16 /dev/urandom | hexdump >/etc/random"]
outputs: [efi, raw]
"""
"""Only a cache can make the same image of this twice."""


def test_a_fresh_engine_continues_from_the_cache_of_another(
    throwaway_engine: Callable[..., Engine], registry: Registry, small: Path, tmp_path: Path
) -> None:
    """By --cache-to and --cache-from, in a registry and in a folder."""
    engine = throwaway_engine(containerd_store=True)
    engine.buildx(small, target="system", output=f"type=image,name={registry.host}/small,push=true").check()
    context = tmp_path / "context"
    context.mkdir()
    (context / "claylinux.yaml").write_text(RANDOM.format(host=registry.host))
    kinds = {
        "registry": (f"ref={registry.host}/cache", f"ref={registry.host}/cache"),
        "local": (f"dest={tmp_path}/cache", f"src={tmp_path}/cache"),
    }
    first: dict[str, str] = {}
    for kind, (to, source) in kinds.items():
        exported, imported = tmp_path / f"{kind}-1", tmp_path / f"{kind}-2"
        engine.docker("builder", "prune", "--all", "--force")
        engine.buildx(context, f"--cache-to=type={kind},{to},mode=max", output=exported).check()
        engine.docker("builder", "prune", "--all", "--force")
        engine.buildx(context, f"--cache-from=type={kind},{source}", output=imported).check()
        assert digests(imported) == digests(exported) != first
        first = digests(exported)
