"""`${...}`, `args`, `include` and `profiles`: what a file says once all of it is put together."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frontend.config import Arguments, ConfigError, load
from frontend.config.decode.interpolate import InterpolationError, Variables
from frontend.config.decode.scripts import mentioned
from spec.accounts import HashText
from spec.document import Spec

PLATFORM = {"TARGETARCH": "amd64", "TARGETPLATFORM": "linux/amd64"}


def spec(text: str, files: Mapping[str, str] | None = None, **given_arguments: str) -> Spec:
    found = files or {}
    arguments = Arguments(given=given_arguments, platform=PLATFORM)
    return load(
        text.encode(), "claylinux.yaml", arguments, lambda path: found[path].encode() if path in found else None
    )


def problems(text: str, files: Mapping[str, str] | None = None, **given_arguments: str) -> str:
    with pytest.raises(ConfigError) as caught:
        spec(text, files, **given_arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${V}", "1.0"),
        ("a${V}b${V}", "a1.0b1.0"),
        ("${E}|${E-d}|${E:-d}|${E:+d}|${V:+d}|${V+d}", "|" + "|d||d|d"),
        ("${E:-${V}}", "1.0"),
        ("${E:-a}b}", "ab}"),
        ("${E:-${E:-}}", ""),
        ("$V $1 $ $host", "$V $1 $ $host"),
        ("$$ $${V} $$$$", "$ ${V} $$"),
    ],
)
def test_the_grammar(text: str, value: str) -> None:
    assert Variables({"V": "1.0", "E": ""}).expand(text) == value


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("echo $A ${B} ${C:-$D}", "ABCD"),
        ("echo ${#A} ${!B}", "AB"),
        ("echo A $AB ${AB} '$(A)'", ""),
        ("echo $((A+1)) $(( (B) * (C + D) ))", "ABCD"),
        ("echo $(A)", ""),
        ("", ""),
    ],
)
def test_what_a_script_mentions(script: str, names: str) -> None:
    assert mentioned(script, "ABCDE") == set(names)


def test_the_limits_are_those_that_messages_name() -> None:
    kibi = Variables({"A": "x" * 1024})
    assert len(kibi.expand("${A}" * 1024)) == 1 << 20
    with pytest.raises(InterpolationError, match="its arguments make it larger than 1 MiB"):
        kibi.expand("${A}" * 1024 + "x")
    mebi = Variables({"A": "x" * (1 << 20)})
    for _ in range(16):
        mebi.expand("${A}")
    with pytest.raises(InterpolationError, match="values of this file larger than 16 MiB"):
        mebi.expand("$$")
    assert Variables({"E": ""}).expand("${E:-" * 16 + "x" + "}" * 16) == "x"
    with pytest.raises(InterpolationError, match="at most 16 levels deep"):
        Variables({"E": ""}).expand("${E:-" * 17 + "x" + "}" * 17)


@given(st.text(alphabet="ab${}:-?+ V", max_size=40))
def test_any_text_expands_or_says_why(text: str) -> None:
    try:
        value = Variables({"V": "v", "a": ""}).expand(text)
    except InterpolationError as error:
        assert str(error)
    else:
        assert "$" in text or value == text


@given(st.text(max_size=40))
def test_a_text_is_itself_once_its_dollars_are_doubled(text: str) -> None:
    assert Variables({}).expand(text.replace("$", "$$")) == text


@given(st.text(alphabet="ab{}:-?+ V", max_size=40))
def test_expanding_again_changes_nothing(text: str) -> None:
    """Where no `$` is left there is nothing to do: values are not expanded twice by accident."""
    once = Variables({"V": "v"}).expand(text + "${V}")
    assert Variables({"V": "w"}).expand(once) == once


@pytest.mark.parametrize(
    ("value", "width"),
    [("a${V}b", 4), ("a${V", 2), ("a${V:-\\n}", 2), ("${W}${V}", 4)],
    ids=["whole", "open", "lines", "second"],
)
def test_the_place_of_a_mistake_is_its_reference(value: str, width: int) -> None:
    with pytest.raises(ConfigError) as caught:
        spec(f'base: debian\nargs: {{W: ""}}\nhostname: "{value}"\n')
    place = caught.value.diagnostics[0].range
    assert (place.start.line, place.start.column) == (3, 12 + value.index("${V"))
    assert (place.end.line, place.end.column) == (3, place.start.column + width)


def test_arguments_come_from_the_file_the_caller_and_the_platform() -> None:
    text = 'base: debian\nargs: {V: "1.0", W: "${V}-${TARGETARCH}"}\nversion: ${W}\n'
    assert spec(text).version == "1.0-amd64"
    assert spec(text, V="2").version == "2-amd64"
    assert spec(text, W="3").version == "3"
    assert spec(text).used_arguments == {"V", "W", "TARGETARCH"}


def test_values_of_every_kind_can_come_from_arguments() -> None:
    text = """\
base: debian
args: {UID: "1001", ON: "false", FORMAT: iso, LOOKS: "a: {b: c}"}
users: [{name: a, uid: "${UID}", system: "${ON}"}]
outputs: ["${FORMAT}"]
files: {/etc/a: "${LOOKS}"}
"""
    read = spec(text)
    assert (read.users[0].uid, read.users[0].system, read.outputs[0].format) == (1001, False, "iso")
    assert read.files["/etc/a"].content == "a: {b: c}"  # type: ignore[union-attr]


def test_programs_and_hashes_are_left_alone() -> None:
    digest = "$6$saltsalt$" + "a" * 86
    text = f"base: debian\nrun: ['echo $HOME $$ ${{X:-1}}']\nusers: [{{name: a, password: '{digest}'}}]\n"
    read = spec(text)
    assert read.run[0].script == "echo $HOME $$ ${X:-1}"
    assert read.users[0].password == HashText(hash=digest)


def test_the_command_of_a_service_is_a_value_like_all_others() -> None:
    text = """\
base: debian
args: {PORT: "80"}
services: {a: {command: "/bin/sh -c 'echo $HOME $${X} $$$$ ${PORT}'"}}
"""
    assert spec(text).services["a"].command[2] == "echo $HOME ${X} $$ 80"  # type: ignore[union-attr]


def test_build_arguments_that_nothing_takes() -> None:
    taken = ("VERSION", "http_proxy", "NO_PROXY", "BUILDKIT_X", "CLAYLINUX_PROFILE", "SOURCE_DATE_EPOCH", "TARGETARCH")
    given_arguments = Arguments(
        given=dict.fromkeys(("VERSON", *taken, "X_BUILDKIT_X", "Q"), "1"), platform={"TARGETARCH": "amd64"}
    )
    assert given_arguments.undeclared({"VERSION": ""}) == (
        ("Q", None),
        ("VERSON", "VERSION"),
        ("X_BUILDKIT_X", None),
    )


def test_includes_are_below_the_file() -> None:
    files = {
        "common.yaml": "include: [deep.yaml]\nhostname: below\npackages: [a, b]\nservices: [x]\n"
        "kernel: {cmdline: quiet}\n",
        "deep.yaml": "packages: [z]\nfiles: {/etc/a: deep, /etc/b: {source: b}}\nkernel: {sysctl: {a.b: 1}}\n",
    }
    text = "base: debian\ninclude: common.yaml\nhostname: above\npackages: [b, c]\nservices: {y: false}\n"
    read = spec(text + "files: {/etc/b: own}\n", files)
    assert (read.hostname, read.packages) == ("above", ("z", "a", "b", "c"))
    assert {name: service.start for name, service in read.services.items()} == {"x": True, "y": False}  # type: ignore[union-attr]
    assert sorted(read.files) == ["/etc/a", "/etc/b"]
    assert read.files["/etc/b"].content == "own"  # type: ignore[union-attr]
    assert read.kernel.cmdline == ("quiet",) and dict(read.kernel.sysctl) == {"a.b": "1"}
    assert read.positions.of("files", "/etc/a").file == "deep.yaml"


def test_mistakes_in_included_files_are_told_with_their_names() -> None:
    files = {
        "a.yaml": "packages: [x]\nhostnam: h\n",
        "b.yaml": "include: b.yaml\n",
        "c.yaml": "[x]\n",
        "d.yaml": "a: [\n",
    }
    told = problems("base: debian\ninclude: [a.yaml, b.yaml, c.yaml, d.yaml]\n", files)
    assert "a.yaml:2:1: unknown key `hostnam`: did you mean `hostname`?" in told
    assert "b.yaml:1:10: include cycle b.yaml -> b.yaml: a file must not include itself" in told
    assert "c.yaml:1:1: an included file must be a mapping" in told
    assert "d.yaml:" in told


def test_a_base_is_replaced_as_a_whole() -> None:
    files = {"a.yaml": "base: {image: debian, }\n"}
    assert spec("base: {context: rootfs}\ninclude: a.yaml\n", files).base.context == "rootfs"  # type: ignore[union-attr]


def test_profiles_are_laid_over_the_file_in_turn() -> None:
    text = """\
base: debian
packages: [a]
kernel: {cmdline: [quiet], flavor: cloud}
profiles:
  dev: {packages: [b], kernel: {cmdline: [debug]}}
  lab: {hostname: lab}
"""
    assert spec(text).packages == ("a",)
    read = spec(text, CLAYLINUX_PROFILE="dev, lab")
    assert (read.packages, read.kernel.cmdline, read.kernel.flavor, read.hostname) == (
        ("b",),
        ("debug",),
        "cloud",
        "lab",
    )
    assert "unknown profile `dve`: did you mean `dev`?" in problems(text, CLAYLINUX_PROFILE="dve")
    assert "this file has no `profiles`" in problems("base: debian\n", CLAYLINUX_PROFILE="dev")


def test_a_profile_that_is_not_chosen_is_checked_too() -> None:
    assert "claylinux.yaml:2:18: unknown key `packges`" in problems("base: debian\nprofiles: {dev: {packges: [x]}}\n")


def test_a_profile_that_is_not_chosen_need_not_fit_the_arguments_of_another_one() -> None:
    text = """\
base: debian
args: {VERSION: "", FORMAT: ""}
network: {ethernets: {eth0: {}, eth1: {}}, vlans: {v: {id: 1, link: eth0}}}
profiles:
  release: {version: "${VERSION:?set it}", args: {NAME: "edge-${VERSION:?}"}, name: "${NAME}", outputs: ["${FORMAT}"]}
  lab: {network: {vlans: {v: {id: "${VERSION}"}}, bridges: {b: {interfaces: [v]}}}}
"""
    assert spec(text).version is None
    assert spec(text, VERSION="1.0", CLAYLINUX_PROFILE="release", FORMAT="iso").name == "edge-1.0"
    assert "the argument `VERSION`: set it" in problems(text, CLAYLINUX_PROFILE="release")
    # What no argument can make right is told.
    assert "unknown argument `VERSON`" in problems(text.replace("{VERSION:?set", "{VERSON:?set"))
    assert "unknown key `link2`" in problems(text.replace("[v]}", "[v], link2: ''}"))


def test_steps_and_kernel_arguments_may_be_there_again() -> None:
    files = {"a.yaml": "run: [ldconfig]\npackages: [a]\nkernel: {cmdline: console=tty0}\n"}
    own = "run: [install x, ldconfig]\npackages: [b, a]\nkernel: {cmdline: [console=ttyS0, console=tty0]}\n"
    read = spec(f"base: debian\ninclude: a.yaml\n{own}", files)
    assert [step.script for step in read.run] == ["ldconfig", "install x", "ldconfig"]
    assert read.packages == ("a", "b")
    assert read.kernel.cmdline == ("console=tty0", "console=ttyS0", "console=tty0")
    # A list of which everything is commented out adds nothing.
    assert spec("base: debian\ninclude: a.yaml\nrun:\n", files).run[0].script == "ldconfig"


def test_platform_arguments_can_be_declared_as_in_a_dockerfile() -> None:
    text = "base: debian\nargs: {TARGETARCH: ''}\nname: e-${TARGETARCH}\n"
    assert spec(text).name == "e-amd64"
    assert spec(text, TARGETARCH="mine").name == "e-mine"
