"""What distributions are made of: the data of presets, and scripts that every shell can read."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from frontend.config import Arguments, load
from frontend.distro import apt_download
from frontend.distro.family import Family, PackageSource, PackageStep, Preset
from frontend.distro.registry import FAMILIES, PRESETS
from tests.support.places import ROOT

SOURCES = (
    PackageSource(name="more", components=("community",)),
    PackageSource(name="back", suites=("backports",)),
    PackageSource(name="it's", url="https://packages.example/it's", components=("a",), key="/k", key_name="it's"),
)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_presets_are_complete(preset: Preset) -> None:
    """Every preset is there for both architectures, has its own flavor, and can be taken in another release."""
    assert preset.architectures == ("amd64", "arm64")
    assert preset.family in FAMILIES
    assert preset.image_of(None) == f"{preset.image}:{preset.release}"
    assert preset.image_of("9.9") == f"{preset.image}:9.9"
    for flavor in (None, *preset.kernels):
        for architecture in preset.architectures:
            package = preset.kernel_of(flavor, architecture)
            assert package.startswith("linux-")
            assert "{" not in package
    with pytest.raises(KeyError):
        preset.kernel_of("no-such-flavor", "amd64")


def test_presets_know_their_names() -> None:
    assert {name: preset.name for name, preset in PRESETS.items()} == {name: name for name in PRESETS}


def test_the_files_of_a_preset_are_where_their_readers_look() -> None:
    """systemd reads only names that end so."""
    endings = {
        "/etc/systemd/network/": ".network",
        "/etc/systemd/system/systemd-networkd-wait-online.service.d/": ".conf",
    }
    for preset in PRESETS.values():
        for files in preset.files.values():
            assert all(text.endswith("\n") for text in files.values())
            names = [name for name in files if name.startswith("/etc/systemd/")]
            assert len(names) == (2 if preset.family == "apt" else 0)
            for name in names:
                directory, _, file = name.rpartition("/")
                assert Path(file).suffix == endings[f"{directory}/"]


@pytest.mark.parametrize(("architecture", "port"), [("amd64", "ttyS0"), ("arm64", "ttyAMA0")])
def test_alpine_logs_in_where_its_machines_have_a_terminal(architecture: str, port: str) -> None:
    """Real machines have a screen, virtual ones a serial port too; the last console gets the services' words."""

    def terminals(name: str) -> list[str]:
        lines = PRESETS[name].files[architecture]["/etc/inittab"].splitlines()
        return [line.partition(":")[0] for line in lines if "getty" in line]

    assert terminals("alpine-lts") == terminals("alpine-stable") == ["tty1"]
    assert terminals("alpine-virt") == ["tty1", port]
    assert PRESETS["alpine-lts"].files[architecture]["/boot/cmdline"].split()[-1] == "console=tty0"
    assert PRESETS["alpine-virt"].files[architecture]["/boot/cmdline"].split()[-1] == f"console={port},115200"


@pytest.mark.parametrize("file", sorted((ROOT / "bases").iterdir()), ids=lambda file: file.stem)
def test_base_images_keep_the_command_line_of_their_preset(file: Path) -> None:
    """Serial ports have other names on other architectures: only the preset knows them."""
    spec = load(file.read_bytes(), file.name, Arguments(), lambda path: (file.parent / path).read_bytes())
    assert spec.kernel.cmdline == ()
    assert not spec.files


def test_a_component_is_a_word_and_no_command_of_sed(tmp_path: Path) -> None:
    """What comes after a slash was: `a/e` ran the rest of the line in a shell, `a/w/file` wrote a file."""
    lists = tmp_path / "sources.list"
    (tmp_path / "sources.list.d").mkdir()
    stanza = tmp_path / "sources.list.d/debian.sources"
    stanza.write_text("Types: deb\nComponents: main\n")
    lists.write_text("deb http://deb.example/ trixie main\ndeb-src http://deb.example/ trixie main axb\n")
    parts = ("a/e", f"a/w{tmp_path}/written", "updates/main", "a.b", "updates/main")
    script = FAMILIES["apt"].add_sources((PackageSource(name="more", components=parts),)).script
    script = script.replace("/etc/apt/", f"{tmp_path}/")
    done = subprocess.run(["sh", "-eu", "-c", script], text=True, capture_output=True, check=False, timeout=10)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first, second = lists.read_text().splitlines()
    assert first == f"deb http://deb.example/ trixie main {' '.join(parts[:-1])}"
    assert second == "deb-src http://deb.example/ trixie main axb"
    assert stanza.read_text() == f"Types: deb\nComponents: main {' '.join(parts[:-1])}\n"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["sources.list", "sources.list.d"]


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_script_is_one(family: Family) -> None:
    """dash reads them all; names that only a build file's author can think of stay words."""
    steps: list[PackageStep] = [
        family.install(("a", "b=1"), cache_id="x"),
        family.assemble(("a",), "linux", cache_id="x"),
        family.remove(("a",)),
        *filter(None, [family.make_locale("sr_RS.UTF-8@latin")]),
        family.add_sources(SOURCES),
    ]
    for step in steps:
        done = subprocess.run(["sh", "-n"], input=step.script, text=True, capture_output=True, check=False, timeout=10)
        assert (done.returncode, done.stderr) == (0, "")
        assert step.script.endswith("\n")
    assert "https://packages.example/it'\"'\"'s" in steps[-1].script


def test_a_long_download_tells_how_far_it_is(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    grow = f'uptime() {{ now=$((${{now:-0}} + 1)); head -c 3000000 /dev/zero >> "{packages}/a.deb"; }}'
    script = apt_download._PROGRESS.replace(apt_download.CHECKED, str(packages)) + f"{grow}\nprogress\n"
    said = "".join(
        f"dlstatus:{number}:{number * 10}.5:Retrieving file {number} of 8\npmstatus:a:1:x\n" for number in range(8)
    )
    done = subprocess.run(["sh", "-euc", script], input=said, capture_output=True, text=True, check=True)
    told = done.stdout.splitlines()
    assert [line.partition(",")[0] for line in told] == [
        f"downloading packages: {number} %" for number in (20, 30, 40, 50, 60, 70)
    ]
    assert all(line.endswith(("2.9 MB/s", "3.0 MB/s", "3.1 MB/s")) for line in told), told


def test_so_does_one_over_several_connections(tmp_path: Path) -> None:
    wait = "waited=0\nsleep() { head -c 1000000 /dev/zero >> a.deb; waited=$((waited + 1)); [ $waited -lt 6 ]; }\n"
    script = f"{apt_download._PROGRESS}{wait}progress_of_fetch 4000000\n"
    done = subprocess.run(["sh", "-euc", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    told = [line.rpartition(", ") for line in done.stdout.splitlines()]
    assert [words for words, _, _ in told] == [f"downloading packages: {number} %" for number in (50, 75, 100, 100)]
    assert all(speed in ("0.9 MB/s", "1.0 MB/s", "1.1 MB/s") for _, _, speed in told), told
