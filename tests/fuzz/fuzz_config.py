"""Coverage-guided fuzzing of the language: `make fuzz`. Any bytes are read, or their mistakes are told.

atheris starts from tests/fuzz/corpus; tests/unit/frontend/config/test_fuzz.py replays that in every test run.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def check(data: bytes) -> None:
    """Read one file; fail with an AssertionError, or whatever the code raises by mistake."""
    from frontend.config import Arguments, ConfigError, load

    arguments = Arguments(given={"V": "1", "CLAYLINUX_PROFILE": "dev"}, platform={"TARGETARCH": "amd64"})
    lines = data.count(b"\n") + data.count(b"\r") + data.decode("utf-8", "replace").count("\x85") + 2
    included = {"a.yaml": b"packages: [a]\n", "self.yaml": b"include: self.yaml\n"}
    try:
        spec = load(data, "claylinux.yaml", arguments, included.get)
    except ConfigError as error:
        assert error.diagnostics, "an error must say something"
        for diagnostic in error.diagnostics:
            assert diagnostic.message
            assert diagnostic.range.file or 1 <= diagnostic.range.start.line <= lines + data.count(b"\xe2\x80")
    else:
        assert spec.outputs


def main() -> None:
    """Run atheris with the arguments of libFuzzer."""
    import atheris  # type: ignore

    with atheris.instrument_imports(include=["frontend"]):
        import frontend.config  # noqa: F401
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
