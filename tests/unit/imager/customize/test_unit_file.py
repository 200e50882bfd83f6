"""Whatever a build file says, a unit says just that: systemd's own parser reads what we write."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imager.customize import filesystems
from imager.customize.systemd_unit import unit
from imager.customize.unit_file import command, unit_file, value, variables
from spec.mounts import DeviceMount
from spec.services import ServiceCommand

NASTY = (
    "/dev/vdb ; /bin/sh -c reboot", ";", "$X", "${X}", "%i", "%%", "%", "\\", "d \\", "a\\\\", '"', "'", "a'b", "-x",
    "@/bin/sh", "+x", "!", "#no comment", "[Service]", "ExecStart=/bin/sh", "\t", "  two  blanks  ", "", "é — ✓",
    "a\\x20b",
)  # fmt: skip
ONE_LINE = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=30)
WORD = st.one_of(st.sampled_from(NASTY), ONE_LINE)


def assignments(text: str) -> dict[str, list[str]]:
    """Read a unit as systemd does: lines end at a line end, and go on after a backslash in the last place."""
    found: dict[str, list[str]] = {}
    for line in re.sub(r"\\\n", " ", text).split("\n"):
        name, equals, rest = line.partition("=")
        if equals and not line.startswith(("#", ";")):
            found.setdefault(name, []).append(rest.strip(" \t"))
    return found


def words(line: str) -> list[str]:
    """Split a command line as systemd does (extract-word.c with EXTRACT_UNQUOTE | EXTRACT_CUNESCAPE)."""
    found, at = [], 0
    while match := re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|(\S+))').match(line, at):
        at = match.end()
        assert match[2] != ";", "a second command"
        text = match[1] if match[1] is not None else match[2]
        text = re.sub(r'\\(["\\t])', lambda each: {"t": "\t"}.get(each[1], each[1]), text)
        assert not re.search(r"(?<!\$)\$(\$\$)*(?!\$)", text), "a variable"
        assert not re.search(r"(?<!%)%(%%)*(?!%)", text), "a specifier"
        found.append(text.replace("$$", "$").replace("%%", "%"))
    return found


@pytest.mark.slow
@given(st.lists(WORD, min_size=1), st.dictionaries(st.from_regex(r"[A-Z]{1,8}", fullmatch=True), WORD), WORD)
def test_every_word_stays_a_word(argv: list[str], env: dict[str, str], title: str) -> None:
    text = unit_file("x", ("Service", [("A", command(argv)), *variables(env), ("T", value(title)), ("Z", "end")]))
    found = assignments(text)
    assert words(found["A"][0]) == argv
    assert [words(each.replace("$", "$$")) for each in found.get("Environment", [])] == [
        [f"{name}={each}"] for name, each in sorted(env.items())
    ]
    assert found["T"] == [title.replace("%", "%%").strip(" \t")]
    assert found["Z"] == ["end"], "nothing swallows the next line"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_reads_what_we_write(tmp_path: Path) -> None:
    for number, nasty in enumerate(NASTY):
        service = ServiceCommand(
            command=("/bin/true", nasty, "x"),
            env={"A": nasty},
            description=nasty or None,
            working_directory=f"/{nasty}",
        )
        (tmp_path / f"own-{number}.service").write_text(unit(f"own-{number}", service))
        mount = DeviceMount(device=f"/dev/{nasty}", fstype="ext4", create=True)
        made = filesystems._unit("/data", mount).replace(f"/{filesystems.PROGRAM}", "/bin/true")
        (tmp_path / f"make-{number}.service").write_text(made)
    (tmp_path / "wrong.service").write_text("[Service]\nExecStart=/bin/true\nNoSuchKey=1\n")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *sorted(tmp_path.glob("*.service"))],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"SYSTEMD_LOG_LEVEL": "warning", "PATH": "/usr/bin:/bin"},
    )
    lines = done.stderr.split("\n")
    assert [line for line in lines if "wrong.service:3: Unknown key" in line] != [], "it tells of what it does not know"
    assert [line for line in lines if re.search("(own|make)-[0-9]+", line)] == []
