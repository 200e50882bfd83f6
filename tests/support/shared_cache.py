"""Two projects on one engine that share the caches of their package manager, of which one is hostile."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.engine import BuildResult, Engine

_TEXT = "# syntax=claylinux/frontend\nbase: {{dockerfile: Dockerfile}}\npackages: [{packages}]\n"
_HARM = """\
COPY evil /evil
COPY --chmod=755 attack /usr/local/sbin/{program}
"""
# The package manager does its work, and when packages were installed the cache is spoilt, once.
_WRAPPER = """\
#!/bin/sh
{real} "$@" || exit
case " $* " in *" --print-uris "*|*" update "*) exit ;; esac
[ ! -e /done ] || exit 0
: > /done
cd /run/claylinux-{family}
{attack}
"""


@dataclass(frozen=True, kw_only=True)
class Projects:
    """The hostile project and its victim. `dockerfile` makes the base of both; `namespace` is that of their caches."""

    engine: Engine
    folder: Path
    namespace: str
    family: str
    program: str
    real: str
    dockerfile: str

    def attack(self, script: str, evil: dict[str, bytes] | None = None, packages: str = "wanted") -> None:
        """Build the hostile project: `script` runs in the directory with the caches, `evil` are its files."""
        project = self._project("stranger", self.dockerfile + _HARM.format(program=self.program), packages)
        (project / "evil").mkdir()
        for name, content in (evil or {}).items():
            (project / "evil" / name).write_bytes(content)
        (project / "attack").write_text(_WRAPPER.format(real=self.real, family=self.family, attack=script))
        self._build(project).check()

    def build(self, packages: str = "wanted") -> dict[str, bytes]:
        """Build the victim; return the small files of its system."""
        project = self._project("victim", self.dockerfile, packages)
        archive = project.with_suffix(".tar")
        self._build(project, f"--output=type=tar,dest={archive}").check()
        found = {}
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isreg() and member.size < 10_000 and (file := tar.extractfile(member)):
                    found[member.name] = file.read()
        return found

    def fail(self, packages: str = "wanted") -> str:
        """Build the victim, which cannot succeed; return the log."""
        result = self._build(self._project("victim", self.dockerfile, packages))
        assert result.returncode != 0
        return result.log

    def _project(self, name: str, dockerfile: str, packages: str = "wanted") -> Path:
        project = self.folder / name
        project.mkdir(parents=True, exist_ok=True)
        (project / "Dockerfile").write_text(dockerfile)
        (project / "claylinux.yaml").write_text(_TEXT.format(packages=packages))
        return project

    def _build(self, project: Path, *args: str) -> BuildResult:
        namespace = {"BUILDKIT_CACHE_MOUNT_NS": self.namespace}
        return self.engine.buildx(project, "--target=image", "--network=host", *args, build_args=namespace, timeout=120)
