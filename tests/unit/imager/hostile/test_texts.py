"""What a stranger can write in a system: lines, names, patterns and rows.

docs/internals/trust.md lists the doors that these tests are about.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imager.__main__ import main
from imager.core import patterns, terminal
from imager.core.errors import ImagerError
from imager.customize import openrc_switch, startable, users
from imager.kernel import kernels, moddep
from imager.report import broken, inspection, leftovers
from imager.requests.accounts import Users
from imager.requests.kernel import KernelTree
from imager.rootfs import osrelease, owners, text
from imager.rootfs.accounts import Accounts
from imager.rootfs.root import Root
from spec.accounts import KeyFile, User
from spec.credentials import ssh_key
from tests.support.hostile import MODULES, ONLY_PYTHON, make_accounts, refused, within
from tests.support.imager import EPOCH, make_kernel
from tests.unit.imager.kernel.test_modules import make_module

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0NLLXd6FpFIQVqSeHdTeW0VvVfFQ3P1X0WzPYNiZ0R"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    return make_accounts(tmp_path / "system")


def add_user(system: Path, **changes: object) -> None:
    users.run(Users(system=str(system), user=(User(name="me", **changes),), epoch=EPOCH))  # type: ignore[arg-type]


class TestLines:
    """Lines end at a line feed."""

    @pytest.mark.parametrize("letter", ONLY_PYTHON)
    def test_a_comment_hides_nothing(self, system: Path, letter: str) -> None:
        passwd = f"root:x:0:0:of{letter}evil:x:0:0::/:/bin/sh:/root:/bin/sh\n"
        (system / "etc/passwd").write_text(passwd)
        accounts = Accounts.load(Root(system))
        assert accounts.passwd.get("evil") is None
        accounts.save(Root(system))
        assert (system / "etc/passwd").read_text() == passwd

    @pytest.mark.parametrize("letter", ONLY_PYTHON)
    def test_one_line_is_one_key(self, system: Path, tmp_path: Path, letter: str) -> None:
        (tmp_path / "keys").mkdir()
        for content, said in (
            (f"{KEY} me{letter}{KEY} you\n", "an invisible character"),
            (f"# {letter}{KEY} commented out\n", "no public key"),
        ):
            (tmp_path / "keys/0").write_text(content)
            user = User(name="me", ssh_authorized_keys=(KeyFile(source="me.pub"),))
            request = Users(system=str(system), user=(user,), keys=str(tmp_path / "keys"), epoch=EPOCH)
            assert said in refused(lambda request=request: users.run(request))  # type: ignore[misc]

    @pytest.mark.parametrize("letter", ONLY_PYTHON)
    def test_a_key_is_one_line(self, letter: str) -> None:
        for line in (f"{KEY} a{letter}b", f"{KEY}{letter}", f"{letter}{KEY}"):
            with pytest.raises(ValueError, match="invisible character"):
                ssh_key(line)
        assert ssh_key(f" {KEY} me\r\n") == f"{KEY} me"
        for line in ("-----BEGIN OPENSSH PRIVATE KEY-----", f"{KEY}\n{KEY}"):
            with pytest.raises(ValueError, match="not a public key on one line"):
                ssh_key(line)

    @given(st.text())
    def test_lines_are_those_of_a_program(self, content: str) -> None:
        ended = content if content.endswith("\n") or not content else f"{content}\n"
        assert "".join(f"{line}\n" for line in text.lines(content)) == ended

    def test_other_lists(self, system: Path) -> None:
        for letter in ONLY_PYTHON:
            assert osrelease.fields(f"A=1{letter}B=2\n").get("B") is None
            assert moddep.parse("", softdep=f"# x{letter}softdep a pre: b\n").wants == {}
            info = system / "var/lib/dpkg/info"
            info.mkdir(parents=True, exist_ok=True)
            (info / "one.list").write_text(f"/usr/a{letter}/usr/b\n")
            assert "usr/b" not in owners.package_by_path(Root(system))


class TestTerminal:
    """Texts of strangers are shown, not obeyed."""

    def test_one_printable_line(self, capsys: pytest.CaptureFixture[str]) -> None:
        terminal.tell("a\n::error::b\x1b[2Jc\u202ed\x85\udcff\u00e9")
        assert capsys.readouterr().out == "a\\n::error::b\\x1b[2Jc\\u202ed\\x85\\udcff\u00e9\n"

    @pytest.mark.parametrize("version", ["6.1\n::error::x", "6.1\x1b[2J", "-x", "a b", "../..", "x" * 65])
    def test_the_version_of_a_kernel_is_a_word(self, tmp_path: Path, version: str) -> None:
        """In its name, in its program and in the name of its directory."""
        (tmp_path / "boot").mkdir()
        (tmp_path / "boot/vmlinuz-6.1").write_bytes(make_kernel(version))
        for kernel in kernels.find(Root(tmp_path)):
            assert kernel.version in (version.split(maxsplit=1)[0], "6.1")
            assert terminal.printable(kernel.version) == kernel.version
        if "/" not in version:
            (tmp_path / f"boot/vmlinuz-{version}").write_bytes(b"MZ")
            assert "is not the version of a kernel" in refused(lambda: kernels.find(Root(tmp_path)))
            (tmp_path / "lib/modules" / version).mkdir(parents=True)
            assert kernels.module_versions(Root(tmp_path)) == ()

    def test_an_error_is_one_line(self, system: Path, capfd: pytest.CaptureFixture[str]) -> None:
        (system / "boot/vmlinuz-\n::error::\x1b[31m").write_bytes(b"MZ")
        assert main(["reports.Inspect", "--system", str(system), "--output", str(system.parent / "out")]) == 1
        (line, rest) = capfd.readouterr().err.split("\n")
        assert line.isprintable()
        assert rest == ""

    def test_firmware_is_told_as_words(self, system: Path, tmp_path: Path) -> None:
        module = system / MODULES / "x.ko"
        module.write_bytes(make_module("firmware=a\n::error::b", "firmware=\x1b[2J", "firmware=good.bin"))
        (system / MODULES / "modules.dep").write_text("x.ko:\n")
        out = tmp_path / "out"
        request = KernelTree(system=str(system), output=str(out), firmware=("auto",), load=("x",), epoch=EPOCH)
        assert main(list(request.argv())) == 0
        assert json.loads(out.read_text())["missing_firmware"] == {"x": ["good.bin"]}

    @pytest.mark.parametrize("line", ["{}", "need{}!", "need a{}!", "command={}!", "RESUME={}", "macaddress{}!"])
    @pytest.mark.parametrize("much", ["\n", " ", "\t", "a ", "a"])
    def test_lines_take_time_by_their_length(self, line: str, much: str) -> None:
        """What began with `^\\s*` took a minute for 200,000 empty lines, and for ever for a long one."""
        read = (leftovers._RESUMES, leftovers._CARD, startable._COMMAND, openrc_switch._DEPENDENCY, broken._ENTRY)
        for expression in read:
            with within(10):
                expression.findall(line.format(much * 200_000))

    @pytest.mark.parametrize("name", ["::error::x", "a b", "\x1b[2J", ""])
    def test_packages_have_names(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        database = tmp_path / "lib/apk/db/installed"
        database.parent.mkdir(parents=True)
        database.write_text(f"P:{name}\nF:usr\nR:a\n\nP:good\nF:usr\nR:b\n")
        assert owners.package_by_path(Root(tmp_path)) == {"usr/b": "good"}
        monkeypatch.setattr(owners, "_MOST", 0)
        with pytest.raises(ImagerError, match="list more than 0 files"):
            owners.package_by_path(Root(tmp_path))

    def test_a_command_line_is_text(self, system: Path) -> None:
        (system / "boot/cmdline").write_text("quiet\tconsole=ttyS0\n\n  splash \n")
        assert inspection.inspect(Root(system))["boot_cmdline"] == "quiet\tconsole=ttyS0 splash"
        for letter in ("\x1b", "\0", *ONLY_PYTHON):
            (system / "boot/cmdline").write_text(f"quiet{letter}x\n")
            assert "text that can be printed" in refused(lambda: inspection.inspect(Root(system)))


class TestPatterns:
    """A pattern never tries more ways than a name has letters."""

    @pytest.mark.parametrize("pattern", ["*a" * 25, "*[ab]" * 25, "*?a" * 12, "/".join(["*a*a*a"] * 8)])
    def test_patterns_end(self, pattern: str) -> None:
        fits = patterns.path_matcher(f"/{pattern}") if "/" in pattern else patterns.name_matcher(pattern)
        with within(5):
            for name in ("a" * 255 + "b", "/".join(["a" * 100] * 8) + "b", "ab" * 120):
                fits(name)

    @given(st.text("ab*?", max_size=7), st.text("ab", max_size=7))
    def test_they_match_as_before(self, pattern: str, name: str) -> None:
        assert patterns.name_matcher(pattern)(name) == slow(pattern, name)

    @given(st.text("ab*/?", max_size=8), st.text("ab/", max_size=8))
    def test_paths_match_as_before(self, pattern: str, path: str) -> None:
        parts = path.split("/")
        wanted = pattern.strip("/").split("/")
        starts = [0] if pattern.startswith("/") else range(len(parts))
        expected = any(
            len(parts) - start >= len(wanted) + pattern.endswith("/")
            and all(slow(*pair) for pair in zip(wanted, parts[start:], strict=False))
            for start in starts
        )
        assert patterns.path_matcher(pattern)(path) == expected

    @pytest.mark.slow
    @given(st.text("[]!-ab^\\&|~[", max_size=8), st.text("[]!-ab^\\&", max_size=2))
    def test_sets_of_letters_are_no_expressions(self, pattern: str, name: str) -> None:
        patterns.name_matcher(pattern)(name)

    def test_an_empty_range_matches_nothing(self) -> None:
        assert not patterns.name_matcher("[z-a]")("z")
        assert patterns.name_matcher("[!z-a]")("z")


def slow(pattern: str, name: str) -> bool:
    """Match in the plainest way."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(slow(pattern[1:], name[at:]) for at in range(len(name) + 1))
    return bool(name) and pattern[0] in ("?", name[0]) and slow(pattern[1:], name[1:])


class TestRows:
    """What is damaged is named by file and row."""

    @pytest.mark.parametrize(
        ("file", "row", "changes", "said"),
        [
            ("group", "sudo:x:27", {"groups": ("sudo",)}, "the row of sudo has 3 fields instead of 4"),
            ("group", "sudo:x:zz:", {"groups": ("sudo",)}, "the row of sudo has 'zz' in place of a number"),
            ("group", "sudo:x:\u00b2:", {"group": "sudo"}, "the row of sudo has '\u00b2' in place of a number"),
            ("passwd", "me:x", {}, "the row of me has 2 fields instead of 7"),
            ("passwd", "me:x:zz:0::/:/bin/sh", {}, "the row of me has 'zz' in place of a number"),
            ("passwd", f"me:x:{'9' * 5000}:0::/:/bin/sh", {}, "the row of me has '999"),
            ("passwd", "me:x:4294967295:0::/:/bin/sh", {}, "the row of me has '4294967295' in place of a number"),
            ("gshadow", "sudo:!", {"groups": ("sudo",)}, "the row of sudo has 2 fields instead of 4"),
        ],
    )
    def test_accounts(self, system: Path, file: str, row: str, changes: dict[str, object], said: str) -> None:
        old = (system / "etc" / file).read_text() if (system / "etc" / file).exists() else "root:*::\n"
        kept = "".join(line for line in old.splitlines(keepends=True) if not line.startswith("sudo"))
        (system / "etc" / file).write_text(f"{kept}{row}\n")
        assert refused(lambda: add_user(system, **changes)).startswith(f"/etc/{file}, line 2: {said}")

    def test_rows_that_nobody_needs_stay(self, system: Path) -> None:
        odd = "root:x:0:0:root:/root:/bin/sh\n\n# comment\n+::::::\nbroken\nme\nhalf:x\nnumber:x:zz:zz::/:\n"
        (system / "etc/passwd").write_text(odd)
        add_user(system)
        assert (system / "etc/passwd").read_text() == f"{odd}me:x:1000:1000::/home/me:/bin/sh\n"

    def test_a_chain_of_modules(self) -> None:
        names = [f"m{number}" for number in range(20_000)]
        rows = (f"{name}.ko: {after}.ko\n" for name, after in zip(names, [*names[1:], "end"], strict=True))
        modules = moddep.parse("".join(rows) + "end.ko:\n")
        with within(10):
            assert modules.load_order(["m0"]) == ("end", *reversed(names))
            assert len(modules.closure(["m0"])) == 20_001

    @pytest.mark.parametrize(
        "path",
        [
            "../../../../etc/passwd",
            "/etc/passwd",
            "a\x1b[2J.ko",
            "a\x0bb.ko",
            "a/" * 40 + "x.ko",
            "x" * 600,
            "a b/x.ko",
        ],
    )
    def test_paths_of_modules(self, path: str) -> None:
        message = refused(lambda: moddep.parse(f"kernel/good.ko:\n{path}: kernel/good.ko\n"))
        assert message.startswith("modules.dep, line 2: ")
        assert terminal.printable(message) == message

    def test_names_that_are_long_are_not_compared(self) -> None:
        modules = moddep.parse("".join(f"{'x' * 200}{number}.ko:\n" for number in range(5_000)))
        with within(5):
            assert moddep.similar("x" * 200, modules) is None

    @pytest.mark.parametrize("size", [0, 1, 63, 0x206, 0x20F, 0x300, 4095])
    def test_truncated_kernels(self, tmp_path: Path, size: int) -> None:
        (tmp_path / "boot").mkdir()
        (tmp_path / "boot/vmlinuz-6.1").write_bytes(make_kernel("7.0")[:size])
        assert [kernel.version for kernel in kernels.find(Root(tmp_path))] in (["6.1"], ["7.0"])
